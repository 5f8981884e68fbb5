import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { convergenceContract, type FaultyPlace } from './convergence.contract.ts';
import { written } from './read-model.fixtures.ts';
import type { ReadModel } from './read-model.ts';
import { openSqliteReadModel } from './sqlite-read-model.ts';

async function newPlace(): Promise<FaultyPlace> {
  const folder = await mkdtemp(join(tmpdir(), 'read-model-'));
  const opened: ReadModel[] = [];
  const open = async () => {
    const options = { path: join(folder, 'read.db'), clock: () => new Date(), logger: pino({ level: 'silent' }) };
    const readModel = await openSqliteReadModel(options);
    opened.push(readModel);
    return readModel;
  };
  return {
    open,
    openDying: async (step) => {
      const readModel = await open();
      // A state that SQLite can't take ends the transaction amid its work, as the death of the process does.
      const deadly = written('deadly', [], { tags: [Symbol('no text') as unknown as string] });
      return { ...readModel, apply: (states) => readModel.apply([...states.slice(0, step), deadly]) };
    },
    another: newPlace,
    dispose: async () => {
      await Promise.all(opened.map((readModel) => readModel.close()));
      await rm(folder, { recursive: true });
    },
  };
}

convergenceContract('SQLite', newPlace, 100);
