import { ESLint } from 'eslint';
import { describe, expect, it } from 'vitest';

/** What the lint says about an import, written in a file that need not exist, of a file that must. */
async function complaints(file: string, imported: string): Promise<string[]> {
  const eslint = new ESLint({ overrideConfigFile: 'eslint.config.ts' });
  const [result] = await eslint.lintText(`import * as other from '${imported}';\nvoid other;\n`, { filePath: file });
  return (result?.messages ?? [])
    .filter((message) => message.severity === 2 && message.ruleId === 'boundaries/dependencies')
    .map((message) => message.message);
}

// ESLint and its parser take their time to load.
describe('imports between rooms', { timeout: 60_000 }, () => {
  it.each([
    ['messaging', 'feeds', 'server/messaging/x.ts', '../feeds/read-model.ts'],
    ['sse', 'posts', 'server/sse/x.ts', '../posts/post-store.ts'],
    ['posts', 'feeds', 'server/posts/x.ts', '../feeds/read-model.ts'],
    ['feeds', 'http', 'server/feeds/x.ts', '../http/problems.ts'],
    ['contract', 'messaging', 'contract/x.ts', '../server/messaging/message.ts'],
    ['renderer', 'posts', 'src/renderer/x.ts', '../../server/posts/post-store.ts'],
    ['live', 'contract', 'src/renderer/live/x.ts', '../../../contract/feed.ts'],
    ['live', 'renderer', 'src/renderer/live/x.ts', '../context.ts'],
    ['main', 'server', 'src/main/x.ts', '../../server/config.ts'],
  ])('%s must not import %s', async (room, other, file, imported) => {
    expect(await complaints(file, imported)).toEqual([`${room} must not import ${other} (docs/architecture.md)`]);
  });

  it.each([
    ['feeds', 'posts', 'server/feeds/x.ts', '../posts/events.ts'],
    ['sse', 'messaging', 'server/sse/x.ts', '../messaging/pubsub.ts'],
    ['messaging', 'itself', 'server/messaging/x.ts', './message.ts'],
    ['renderer', 'contract', 'src/renderer/x.ts', '../../contract/feed.ts'],
    ['server', 'feeds', 'server/x.ts', './feeds/read-model.ts'],
    ['a test', 'any room', 'tests/x.ts', '../server/feeds/read-model.ts'],
  ])('%s may import %s', async (_room, _other, file, imported) => {
    expect(await complaints(file, imported)).toEqual([]);
  });

  it('holds in Vue components too', async () => {
    const eslint = new ESLint({ overrideConfigFile: 'eslint.config.ts' });
    const script = `<script setup lang="ts">\nimport '../../server/posts/post-store.ts';\n</script>\n<template><p /></template>\n`;
    const [result] = await eslint.lintText(script, { filePath: 'src/renderer/X.vue' });

    expect(result?.messages.map((message) => message.ruleId)).toContain('boundaries/dependencies');
  });
});
