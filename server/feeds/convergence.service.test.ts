import pino from 'pino';
import { describe } from 'vitest';
import { freshMongoDatabase } from '../../tests/services/databases.ts';
import { serviceUrl } from '../../tests/services/urls.ts';
import { convergenceContract, type FaultyPlace } from './convergence.contract.ts';
import { interrupted, type AtWrite } from './mongo-faults.fixtures.ts';
import { openMongoReadModel } from './mongo-read-model.ts';
import type { ReadModel } from './read-model.ts';

async function newPlace(): Promise<FaultyPlace> {
  const { url, drop } = await freshMongoDatabase();
  const opened: ReadModel[] = [];
  const open = async (atWrite: AtWrite) => {
    const logger = pino({ level: 'silent' });
    const wrap = (collections: Parameters<typeof interrupted>[0]) => interrupted(collections, atWrite);
    const readModel = await openMongoReadModel({ url, clock: () => new Date(), logger, wrap });
    opened.push(readModel);
    return readModel;
  };
  return {
    open: () => open(() => 'go'),
    // The first write is that of opening.
    openDying: (step) => open((n) => (n <= step ? 'go' : 'die')),
    another: newPlace,
    dispose: async () => {
      await Promise.all(opened.map((readModel) => readModel.close()));
      await drop();
    },
  };
}

describe.skipIf(!serviceUrl('mongo'))('on a server', () => convergenceContract('MongoDB', newPlace, 50));
