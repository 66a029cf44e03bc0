import { storeSuite } from '../../../src/store/store.testsuite.ts';
import { MemoryDisk, MemoryStore } from './memory-store.ts';

storeSuite('the memory of a simulation', async () => {
  const disk = new MemoryDisk();
  return { store: new MemoryStore(disk), reopen: async () => new MemoryStore(disk) };
});
