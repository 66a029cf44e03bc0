import type { Static } from 'typebox';
import type { ASSET, ASSET_WISH, DOMAIN, POLICY, PROJECT } from '../api/native/access-schema.ts';
import type { FINDING } from '../api/native/doctor-schema.ts';
import type { NODES } from '../api/native/node-schema.ts';
import type { Frozen } from './words.ts';

/** What belongs to an account beside its tasks, and the node itself: typed by the schemas that check it there. */

export type Domain = Frozen<Static<typeof DOMAIN>>;
export type Policy = Frozen<Static<typeof POLICY>>;
export type Asset = Frozen<Static<typeof ASSET>>;
export type AssetWish = Frozen<Static<typeof ASSET_WISH>>;
export type Project = Frozen<Static<typeof PROJECT>>;
export type NodeFacts = Frozen<Static<typeof NODES>>['nodes'][number];
export type Load = Pick<NonNullable<NodeFacts['control']>, 'cpu' | 'rss_mb' | 'lag_ms'>;
export type Finding = Frozen<Static<typeof FINDING>>;
