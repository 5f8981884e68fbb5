import { EventEmitter } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { createDeepLinks, linkIn, linkInFile, parseDeepLink } from './deep-links.ts';
import { isFirstInstance } from './single-instance.ts';

describe('a link', () => {
  it.each([
    ['tagwire://feed/golang', { kind: 'feed', name: 'golang' }],
    ['tagwire://feed/GoLang/', { kind: 'feed', name: 'golang' }],
    ['TAGWIRE://FEED/golang', { kind: 'feed', name: 'golang' }],
    ['tagwire://feed/%E5%8F%91%E5%B8%83%E4%BC%9A', { kind: 'feed', name: '发布会' }],
    ['tagwire://feed/发布会', { kind: 'feed', name: '发布会' }],
    [
      'tagwire://post/01a20c5d-2a87-7581-8989-d09cd806fec3',
      { kind: 'post', id: '01a20c5d-2a87-7581-8989-d09cd806fec3' },
    ],
  ])('%s names a place', (link, target) => expect(parseDeepLink(link)).toEqual(target));

  it.each([
    'tagwire://feed/',
    'tagwire://feed/%',
    'tagwire://feed/two words',
    'tagwire://feed/../settings',
    'tagwire://feed/a/b',
    'tagwire://post/%2e%2e%2fapi',
    'tagwire://post/"><script>',
    'tagwire://settings',
    'tagwire:feed/golang',
    'https://feed/golang',
    'javascript:alert(1)',
    '',
  ])('%j is not one', (link) => expect(parseDeepLink(link)).toBeUndefined());

  it('is found among the arguments, the program itself aside', () => {
    expect(linkIn(['tagwire://feed/a', '--hidden', 'tagwire://feed/b'], '/')).toBe('tagwire://feed/b');
    expect(linkIn(['app', '--hidden'], '/')).toBeUndefined();
  });

  it.each([
    ['/home/ada/note.tagwire', '/home/ada/note.tagwire'],
    // What a shell hands over is meant from where it stands, not from where the first copy was started.
    ['note.tagwire', '/home/ada/note.tagwire'],
    ['file:///home/ada/two%20words.tagwire', '/home/ada/two words.tagwire'],
    ['file://elsewhere/share/note.tagwire', 'file://elsewhere/share/note.tagwire'],
  ])('may be in a file: %s', (argument, path) => expect(linkIn(['app', argument], '/home/ada')).toBe(path));

  it('is the first line of a link file', () => {
    expect(linkInFile('tagwire://feed/golang \r\nmore')).toBe('tagwire://feed/golang');
  });
});

describe('links from the system', () => {
  it('are opened, also from a file; others are reported', async () => {
    const { links, open, onUnknown } = make({ 'a.tagwire': 'tagwire://post/1' });
    await links.follow('tagwire://feed/golang');
    await links.follow('a.tagwire');
    await links.follow('gone.tagwire');
    await links.follow('tagwire://nonsense');
    expect(open.mock.calls).toEqual([[{ kind: 'feed', name: 'golang' }], [{ kind: 'post', id: '1' }]]);
    expect(onUnknown.mock.calls).toEqual([['gone.tagwire'], ['tagwire://nonsense']]);
  });

  it('come as events on macOS, and are opened by nobody but whoever knows that there can be windows', () => {
    const { app, arrived, open } = make({});
    const event = { preventDefault: vi.fn() };
    app.emit('open-url', event, 'tagwire://feed/golang');
    app.emit('open-file', event, '/Users/ada/a.tagwire');
    expect(arrived.mock.calls).toEqual([['tagwire://feed/golang'], ['/Users/ada/a.tagwire']]);
    expect(event.preventDefault).toHaveBeenCalledTimes(2);
    expect(open).not.toHaveBeenCalled();
  });

  it('are asked for only by the installed app', () => {
    expect(make({}, false).app.setAsDefaultProtocolClient).not.toHaveBeenCalled();
    expect(make({}, true).app.setAsDefaultProtocolClient).toHaveBeenCalledWith('tagwire');
  });
});

describe('a second start', () => {
  it('opens its link in the first, or a window', () => {
    const app = Object.assign(new EventEmitter(), { requestSingleInstanceLock: () => true });
    const [openLink, openWindow] = [vi.fn(), vi.fn()];
    expect(isFirstInstance({ app: app as never, openLink, openWindow })).toBe(true);
    app.emit('second-instance', {}, ['app', 'tagwire://feed/golang'], '/');
    app.emit('second-instance', {}, ['app'], '/');
    expect(openLink.mock.calls).toEqual([['tagwire://feed/golang']]);
    expect(openWindow).toHaveBeenCalledOnce();
  });

  it('is no app of its own', () => {
    const app = Object.assign(new EventEmitter(), { requestSingleInstanceLock: () => false });
    expect(isFirstInstance({ app: app as never, openLink: vi.fn(), openWindow: vi.fn() })).toBe(false);
  });
});

function make(files: Record<string, string>, isPackaged = false) {
  const app = Object.assign(new EventEmitter(), { isPackaged, setAsDefaultProtocolClient: vi.fn() });
  const [arrived, open, onUnknown] = [vi.fn(), vi.fn(), vi.fn()];
  const readFile = async (path: string) => files[path] ?? Promise.reject(new Error('no such file'));
  const links = createDeepLinks({ app: app as never, arrived, readFile, open, onUnknown });
  return { app, arrived, links, open, onUnknown };
}
