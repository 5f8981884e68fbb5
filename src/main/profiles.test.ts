import { describe, expect, it } from 'vitest';
import type { ProfileCheck } from '../../contract/shell.ts';
import { Profiles, storedProfiles } from './profiles.ts';
import { fakeLog, temporaryFolder } from './testing.ts';

describe('profiles', () => {
  it('begin with this computer', () => {
    expect(make().list).toEqual([{ kind: 'local', id: 'local', name: 'On this computer' }]);
  });

  it('keep a server that was found, under the address that the check gave', async () => {
    const profiles = make({ kind: 'ok', url: 'https://team.example/', version: '1.2.3' });
    await profiles.add('Team', 'team.example');
    expect(profiles.list.at(-1)).toEqual({ kind: 'remote', id: 'id-1', name: 'Team', url: 'https://team.example/' });
  });

  it('do not keep one that was refused, and say why', async () => {
    const profiles = make({ kind: 'refused', reason: 'certificate', detail: 'It has expired.' });
    const { profile, check } = await profiles.add('Team', 'team.example');
    expect(profile).toBeUndefined();
    expect(check).toMatchObject({ detail: 'It has expired.' });
    expect(profiles.list).toHaveLength(1);
  });

  it('do not keep the same server twice', async () => {
    const profiles = make();
    await profiles.add('Team', 'team.example');
    const { check } = await profiles.add('Again', 'https://team.example');
    expect(check).toMatchObject({ kind: 'refused', detail: expect.stringContaining('“Team”') });
    expect(profiles.list).toHaveLength(2);
  });

  it('can be renamed and removed, but this computer cannot be removed', async () => {
    const profiles = make();
    await profiles.add('Team', 'team.example');
    profiles.rename('id-1', 'The team');
    expect(profiles.find('id-1')?.name).toBe('The team');
    profiles.remove('id-1');
    expect(profiles.list).toHaveLength(1);
    expect(() => profiles.remove('local')).toThrow(/cannot be removed/);
    expect(() => profiles.rename('gone', 'x')).toThrow(/no such server/);
  });

  it('are there again after a restart', async () => {
    const folder = temporaryFolder();
    await make(undefined, folder).add('Team', 'team.example');
    expect(make(undefined, folder).list.map(({ name }) => name)).toEqual(['On this computer', 'Team']);
  });
});

function make(
  check: ProfileCheck = { kind: 'ok', url: 'https://team.example/', version: '1.2.3' },
  folder = temporaryFolder(),
): Profiles {
  let last = 0;
  return new Profiles({
    stored: storedProfiles(folder, fakeLog()),
    check: () => Promise.resolve(check),
    newId: () => `id-${++last}`,
  });
}
