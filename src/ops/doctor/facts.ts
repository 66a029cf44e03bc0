/** What was seen of the machine and the installation; null where it could not be seen. */
export interface Facts {
  /** Node's own version, e.g. 24.21.0. */
  readonly node: string;
  readonly data: DataFacts;
  readonly database: DatabaseFacts;
  /** null: there is none. */
  readonly sealKey: { readonly mode: number; readonly bytes: number } | null;
  readonly openFiles: number | null;
  readonly memory: { readonly limitBytes: number | null; readonly swappedBytes: number | null };
  readonly processors: number;
  readonly workers: number;
  readonly listeners: readonly Listener[];
  readonly clock: ClockFacts;
  /** By how much a timer of 50 ms was late. */
  readonly tickLateMs: number;
  readonly hasTimeZones: boolean;
  readonly names: NameFacts;
  /** Families of the addresses that lead off this machine. */
  readonly families: readonly string[];
  readonly exposure: Exposure;
  /** Spellings of addresses that no relay may reach, and which of them would be dialled. */
  readonly spellings: { readonly tried: number; readonly allowed: readonly string[] };
  /** The authorities that are trusted besides the system's; null where the configuration names none. */
  readonly authorities: { readonly daysLeft: number | null; readonly error: string } | null;
  /** null: the configuration names none. */
  readonly media: { readonly path: string; readonly error: string } | null;
  /** Versions of the programs that are used where they are installed; "" where one is not. */
  readonly programs: { readonly ffmpeg: string; readonly srt: string };
  readonly hasConsole: boolean;
  readonly buffers: { readonly sendBytes: number | null; readonly receiveBytes: number | null };
  readonly localPorts: number | null;
}

export interface DataFacts {
  readonly path: string;
  readonly exists: boolean;
  /** Why it cannot be written; "" where it can. */
  readonly error: string;
  readonly mode: number | null;
  /** As statfs has it. */
  readonly filesystem: number | null;
  readonly freeBytes: number | null;
  readonly freeFiles: number | null;
}

export interface DatabaseFacts {
  readonly exists: boolean;
  /** What is wrong with it; "" where nothing is. */
  readonly error: string;
  readonly version: number;
  /** The newest version that this program knows. */
  readonly known: number;
  readonly users: number;
}

export interface Listener {
  readonly name: 'api' | 'rtmp';
  readonly option: string;
  readonly address: string;
  /** `ours`: the node of this data directory has it. */
  readonly state: 'free' | 'ours' | 'taken' | 'refused';
}

export interface ClockFacts {
  /** Whether something keeps it. */
  readonly isKept: boolean | null;
  /** How far it lies behind the newest file of the data directory. */
  readonly behindMs: number;
}

export interface NameFacts {
  readonly servers: number;
  readonly tookMs: number;
  /** What was answered for a name that cannot be there. */
  readonly answer: 'none' | 'address' | 'failed';
  readonly detail: string;
}

export interface Exposure {
  /** Where the API listens. */
  readonly listen: string;
  readonly isLoopback: boolean;
  readonly network: 'public' | 'lan' | 'lab';
  readonly consoleUrl: string | null;
}
