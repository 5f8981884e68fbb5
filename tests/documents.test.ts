import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { basename, dirname, posix } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

/* What code and documents point to must be there: a reader who follows a pointer into nothing stops to follow them. */

const root = new URL('../', import.meta.url);
const { stdout } = await promisify(execFile)('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root });
const files = stdout.split('\n').filter((file) => file !== '');
const isThere = new Set(files);
const folders = new Set(files.flatMap(foldersAbove));
const pages = files.filter((file) => file.endsWith('.md'));
const readable = files.filter((file) => /\.(ts|vue|scss|yml|yaml|md|sh|conf|service)$|Dockerfile$|^\.ci\//.test(file));
const texts = new Map(await Promise.all(readable.map(async (file) => [file, await textOf(file)] as const)));

function foldersAbove(file: string): string[] {
  const above = dirname(file);
  return above === '.' ? [] : [above, ...foldersAbove(above)];
}

function textOf(file: string): Promise<string> {
  return readFile(new URL(file, root), 'utf8').catch(() => '');
}

/** Headings of a page as GitHub makes anchors of them. */
function anchorsOf(page: string): Set<string> {
  const headings = (texts.get(page) ?? '').replace(/^```.*?^```/gms, '').matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

describe('documents', () => {
  test('links between pages lead to files and headings that exist', () => {
    const dead: string[] = [];
    for (const page of pages) {
      for (const [, target = ''] of (texts.get(page) ?? '').matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [path = '', anchor] = decodeURI(target).split('#');
        const file = path === '' ? page : posix.normalize(posix.join(dirname(page), path)).replace(/\/$/, '');
        const exists = isThere.has(file) || folders.has(file) || file === '.';
        const hasAnchor = anchor === undefined || !file.endsWith('.md') || anchorsOf(file).has(anchor);
        if (!exists || !hasAnchor) dead.push(`${page}: ${target}`);
      }
    }
    expect(dead).toEqual([]);
  });

  test('each page that code, configuration or another page names is in the project', () => {
    const names = new Set(pages.map((page) => basename(page)));
    const missing: string[] = [];
    for (const [file, text] of texts) {
      for (const [name] of text.matchAll(/(?<![\w/.-])[\w./-]*\w\.md\b/g)) {
        const isKnown = name.includes('/')
          ? pages.some((page) => `/${page}`.endsWith(`/${posix.normalize(name)}`)) ||
            isThere.has(posix.normalize(posix.join(dirname(file), name)))
          : names.has(name);
        if (!isKnown) missing.push(`${file}: ${name}`);
      }
    }
    expect(missing).toEqual([]);
  });

  test('each invariant that is cited has its number in docs/architecture.md', () => {
    const page = texts.get('docs/architecture.md') ?? '';
    const invariants = page.slice(page.indexOf('## Invariants'), page.indexOf('## Glossary'));
    const numbers = new Set([...invariants.matchAll(/^(\d+)\. \*\*/gm)].map(([, number]) => number));
    const unknown: string[] = [];
    for (const [file, text] of texts) {
      for (const [, list = ''] of text.matchAll(/\binvariants? (\d+(?:(?:,| and|, and) \d+)*)/gi)) {
        for (const [number] of list.matchAll(/\d+/g)) if (!numbers.has(number)) unknown.push(`${file}: ${number}`);
      }
    }
    expect(numbers.size).toBe(10);
    expect(unknown).toEqual([]);
  });
});
