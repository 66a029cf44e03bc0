/** One process with a camera whose stream costs next to nothing, however many pull it; tells its parent the address. */
import { CountedSource } from '../../test/lab/counted-source.ts';
import { Place } from '../../test/lab/place.ts';

const SHAPE = { fps: 5, gop: 10, videoKbit: 20 } as const;

const source = await CountedSource.start(new Place(), { shape: SHAPE, manner: { without: 'audio' } });
process.send?.(source.url());
process.on('disconnect', () => process.exit());
