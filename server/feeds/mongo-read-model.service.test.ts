import { describe } from 'vitest';
import { serviceUrl } from '../../tests/services/urls.ts';
import { newMongoPlace } from './mongo-place.fixtures.ts';
import { readModelContract } from './read-model.contract.ts';
import { rebuildContract } from './rebuild.contract.ts';

describe.skipIf(!serviceUrl('mongo'))('on a server', () => {
  readModelContract('MongoDB', newMongoPlace);
  rebuildContract('MongoDB', newMongoPlace);
});
