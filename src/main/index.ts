import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { release, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import {
  BrowserWindow,
  Menu,
  Notification,
  Tray,
  app,
  clipboard,
  dialog,
  ipcMain,
  nativeImage,
  safeStorage,
  screen,
  session,
  shell,
  utilityProcess,
} from 'electron';
import electronLog from 'electron-log/node.js';
import electronUpdater from 'electron-updater';
import type { FromGateway } from '../../contract/gateway.ts';
import { pathOf, type ConnectionState } from '../../contract/shell.ts';
import { aboutShell } from './about.ts';
import { AddressChecks } from './address-checks.ts';
import { governAppLife } from './app-life.ts';
import { createBadge } from './badge.ts';
import { contextMenuTemplate } from './context-menu.ts';
import { offerReloadAfterCrash } from './crash.ts';
import { createDeepLinks, linkIn } from './deep-links.ts';
import { diagnosticsText } from './diagnostics.ts';
import { registerIpc } from './ipc.ts';
import { createLogs } from './logs.ts';
import { menuActions } from './menu-actions.ts';
import { menuTemplate } from './menu.ts';
import { Notifications } from './notifications.ts';
import { applyPreferences, autostartFile } from './preferences.ts';
import { Profiles, storedProfiles } from './profiles.ts';
import { openExternally, placeOf, secureContents, secureSession } from './security.ts';
import { ServerProcess } from './server-process.ts';
import { tellOfServerTrouble } from './server-trouble.ts';
import { KeptSessions, storedSessions } from './sessions.ts';
import { createFollowed, createKeptPort, createSettings } from './settings.ts';
import { shellHandlers } from './shell-handlers.ts';
import { isFirstInstance } from './single-instance.ts';
import { createTray } from './tray.ts';
import { Unread } from './unread.ts';
import { Updates, confirmRestart } from './updates.ts';
import { Windows, storedWindows } from './windows.ts';

/*
 * The composition of the desktop app: every part gets here what it needs of Electron and of the others. What a part
 * does is in its own file.
 */

const { platform } = process;
const here = import.meta.dirname;
const userData = app.getPath('userData');
/** As for the server alone (docs/operations.md): DATA_DIR moves the posts. */
const dataDirectory = resolve(process.env['DATA_DIR'] ?? join(userData, 'data'));
const build = { preload: join(here, '../preload/index.cjs'), server: join(here, 'server.js') };
/** Written by electron-builder when the app was packed with a feed. */
const hasUpdateFeed = app.isPackaged && existsSync(join(process.resourcesPath, 'app-update.yml'));
const resource = (name: string) => join(app.getAppPath(), 'build', name);

if (platform === 'win32') app.setAppUserModelId('app.tagwire.desktop');
const logs = createLogs({ electronLog, directory: app.getPath('logs'), console: !app.isPackaged });
const log = logs.main;
process.on('uncaughtException', (error) => log.error('an unexpected error in the main process', error));
process.on('unhandledRejection', (reason) => log.error('an unexpected rejection in the main process', reason));

/** Links that come before there are windows. */
const earlyLinks: string[] = [];
let followLink: (link: string) => void = (link) => earlyLinks.push(link);
let openWindow: () => void = () => undefined;

if (!isFirstInstance({ app, openLink: (link) => followLink(link), openWindow: () => openWindow() })) {
  app.quit();
} else {
  const settings = createSettings(userData, log);
  const followed = createFollowed(userData, log);
  const port = createKeptPort(userData, log);
  const sessions = new KeptSessions({ safeStorage, stored: storedSessions(userData, log), log });
  const connections: Record<string, ConnectionState> = {};
  const secret = randomBytes(32).toString('base64url');

  const server = new ServerProcess({
    fork: () => {
      const child = utilityProcess.fork(build.server, [], { serviceName: 'Tagwire server', stdio: 'pipe' });
      for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => logs.server(String(chunk)));
      // Without a listener it would be thrown here. Its report holds all of the environment: it is not kept.
      child.on('error', (type, location) => log.error(`the server process failed: ${type} at ${location}`));
      return child;
    },
    startMessage: () => ({
      type: 'start',
      port: port.value,
      secret,
      dataDir: dataDirectory,
      rendererDir: join(here, '../renderer'),
      version: app.getVersion(),
      profiles: profiles.list,
      sessions: sessions.all(),
      followed: followed.value,
    }),
    onReady: (origin, taken) => void onReady(origin, taken),
    onMessage: (message) => {
      checks.onMessage(message);
      if (message.type === 'session') sessions.set(message.profileId, message.cookies);
      if (message.type === 'connection') {
        connections[message.profileId] = message.state;
        windows.send('connections', connections);
      }
      if (message.type === 'arrived') onArrived(message);
    },
    onState: (state) => {
      windows.send('server', state);
      void tellOfTrouble(state);
    },
    log,
  });
  const checks = new AddressChecks((message) => server.send(message));
  const profiles = new Profiles({
    stored: storedProfiles(userData, log),
    check: (url) => checks.check(url),
    newId: () => randomUUID().slice(0, 8),
  });
  const windows = new Windows({
    create: (options) => new BrowserWindow(options),
    screen: {
      getAllDisplays: () => screen.getAllDisplays(),
      getPrimaryDisplay: () => screen.getPrimaryDisplay(),
      getDisplayMatching: (bounds) => screen.getDisplayMatching(bounds),
    },
    stored: storedWindows(userData, log),
    preload: build.preload,
    version: app.getVersion(),
    ...(platform === 'linux' && { icon: resource('icons/512x512.png') }),
    profileName: (id) => profiles.find(id)?.name,
    log,
  });
  const showLogs = () => void shell.openPath(logs.directory);
  const tellOfTrouble = tellOfServerTrouble({
    dialog,
    showLogs,
    restart: () => server.restart(),
    quit: () => app.quit(),
  });
  const links = { shell, log };

  const badge = createBadge({
    app,
    platform,
    windows: () => windows.all.map(({ window }) => window),
    dot: () => nativeImage.createFromPath(resource('badge.png')),
  });
  const unread = new Unread((counts, total) => {
    windows.send('unread', counts);
    badge(total);
    tray?.setUnread(total);
  });
  const shown = new Set<Notification>();
  const notifications = new Notifications({
    show: ({ title, body }, onClick) => {
      const notification = new Notification({ title, body, silent: !settings.value.notificationSound });
      // Without a reference it could be collected, and its click would come to nothing.
      shown.add(notification);
      const forget = () => void shown.delete(notification);
      notification.on('click', onClick).on('click', forget).on('close', forget).on('failed', forget);
      notification.show();
    },
    enabled: () => settings.value.notifications && Notification.isSupported(),
    open: (profileId, feed, postId) =>
      windows.show(postId === undefined ? { kind: 'feed', name: feed } : { kind: 'post', id: postId }, profileId),
    profileName: (id) => (profiles.list.length > 1 ? profiles.find(id)?.name : undefined),
  });
  const isShowingFeed = (profileId: string, feed: string) =>
    windows.isShowing(profileId, pathOf({ kind: 'feed', name: feed }));
  const onArrived = ({ profileId, feed, posts, replayed }: Extract<FromGateway, { type: 'arrived' }>) => {
    if (isShowingFeed(profileId, feed)) return;
    unread.add(profileId, feed, posts.length);
    if (!replayed) notifications.arrived(profileId, feed, posts);
  };

  const updates = new Updates({
    updater: hasUpdateFeed ? electronUpdater.autoUpdater : undefined,
    unavailable: app.isPackaged
      ? 'This package was made without a place to ask for updates.'
      : 'This copy runs from its source; git pull brings the next version.',
    enabled: () => settings.value.checkForUpdates,
    isTyping: () => windows.all.some(({ typing }) => typing),
    confirmRestart: () => confirmRestart(dialog),
    beforeRestart: () => life.shutDown(),
    onState: (state) => {
      windows.send('updates', state);
      buildMenu();
    },
    log,
  });

  const copyDiagnostics = () =>
    clipboard.writeText(
      diagnosticsText({
        appVersion: app.getVersion(),
        packaged: app.isPackaged,
        versions: process.versions,
        system: { platform, release: release(), arch: process.arch, memoryGb: Math.round(totalmem() / 2 ** 30) },
        screens: screen.getAllDisplays().map(({ size, scaleFactor }) => ({ ...size, scale: scaleFactor })),
        server: server.state,
        profiles: profiles.list,
        connections,
        windows: windows.all.length,
        settings: settings.value,
        update: updates.state,
        logs: logs.directory,
        at: new Date().toISOString(),
      }),
    );

  const actions = menuActions({
    windows,
    server,
    profiles,
    updates,
    showLogs,
    copyDiagnostics,
    quit: () => app.quit(),
  });
  const buildMenu = () => {
    const state = { platform, appName: app.name, profiles: profiles.list, update: updates.state };
    Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(state, actions)));
  };

  let tray: ReturnType<typeof createTray> | undefined;
  const life = governAppLife({
    app,
    platform,
    staysInTray: () => settings.value.closeToTray && tray !== undefined,
    // On macOS it may come before there can be windows; those of last time are opened then, once.
    activate: () => openWindow(),
    save: () => windows.saveForQuit(),
    shutDown: async () => {
      updates.close();
      notifications.close();
      await server.stop();
      tray?.close();
    },
    log,
  });
  const deepLinks = createDeepLinks({
    app,
    arrived: (link) => followLink(link),
    readFile: (path) => readFile(path, 'utf8'),
    open: actions.show,
    onUnknown: (link) => log.warn(`a link was not understood: ${link.slice(0, 200)}`),
  });

  secureContents(app, {
    ...links,
    origin: () => windows.origin,
    openWindow: (place, from) => windows.open(place, windows.byContents(from)),
  });
  app.on('web-contents-created', (_event, contents) => {
    contents.on('context-menu', (_contextEvent, point) => {
      const place = placeOf(point.linkURL, windows.origin);
      const template = contextMenuTemplate(point, {
        openInNewWindow: place && (() => windows.open(place)),
        openLink: (url) => void openExternally(url, links),
        clipboard,
        contents,
        developer: !app.isPackaged,
      });
      if (template.length > 0) Menu.buildFromTemplate(template).popup();
    });
  });
  offerReloadAfterCrash({
    app,
    dialog,
    windowOf: (contents) => windows.byContents(contents),
    showLogs,
    log,
  });
  registerIpc({
    ipcMain,
    origin: () => windows.origin,
    windowOf: (contents) => windows.byContents(contents),
    handlers: shellHandlers({
      profiles,
      windows,
      server,
      settings,
      followed,
      unread,
      updates,
      connections,
      copyDiagnostics,
      showLogs,
      openLink: (url) => openExternally(url, links),
      about: () => aboutShell(app.getVersion(), process.versions),
    }),
    log,
  });

  profiles.onChange((list) => {
    windows.send('profiles', list);
    server.send({ type: 'profiles', profiles: list });
    buildMenu();
  });
  followed.onChange((value) => {
    windows.send('followed', value);
    server.send({ type: 'followed', followed: value });
  });
  windows.onChange(() => {
    for (const [profileId, feeds] of Object.entries(unread.counts)) {
      for (const feed of Object.keys(feeds)) if (isShowingFeed(profileId, feed)) unread.clear(profileId, feed);
    }
  });

  let started = false;
  const onReady = async (origin: string, taken: number) => {
    if (port.value !== taken) port.set(taken);
    await session.defaultSession.cookies.set({
      url: origin,
      name: 'tagwire-gateway',
      value: secret,
      httpOnly: true,
      sameSite: 'strict',
    });
    windows.setOrigin(origin);
    if (started) return;
    started = true;
    openWindow = () => windows.activate();
    const link = linkIn(process.argv, process.cwd());
    if (link !== undefined) earlyLinks.push(link);
    const atLogin = platform === 'darwin' && app.getLoginItemSettings().wasOpenedAtLogin;
    if (!atLogin && !process.argv.includes('--hidden')) windows.restore();
    followLink = (next) => void deepLinks.follow(next);
    for (const early of earlyLinks) followLink(early);
  };

  void app.whenReady().then(() => {
    secureSession(session.defaultSession, { origin: () => windows.origin });
    const setAutostartFile = (on: boolean) => {
      const file = join(app.getPath('appData'), 'autostart', 'tagwire.desktop');
      if (!on) return rmSync(file, { force: true });
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, autostartFile(process.env['APPIMAGE'] ?? app.getPath('exe')));
    };
    const preferences = { app, session: session.defaultSession, platform, setAutostartFile };
    applyPreferences(settings.value, preferences);
    settings.onChange((value) => {
      windows.send('settings', value);
      applyPreferences(value, preferences);
    });
    buildMenu();
    tray = createTray({
      create: () =>
        new Tray(nativeImage.createFromPath(resource(platform === 'darwin' ? 'trayTemplate.png' : 'tray.png'))),
      buildMenu: (template) => Menu.buildFromTemplate(template),
      platform,
      actions: {
        open: () => openWindow(),
        newWindow: actions.newWindow,
        settings: actions.settings,
        quit: actions.quit,
      },
    });
    updates.start();
    server.start();
  });
}
