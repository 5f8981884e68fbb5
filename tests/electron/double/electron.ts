/*
 * A double of the module `electron`, backed by real Chromium pages (docs/testing.md says what it proves and what not).
 * Its parts are held to the types of electron.d.ts, so that a new Electron that changed them fails the type check.
 */
import { app } from './app.ts';
import { BrowserWindow } from './browser-window.ts';
import { answerEvaluations } from './evaluate.ts';
import { ipcMain } from './ipc-main.ts';
import { Menu, MenuItem } from './menu.ts';
import { session } from './session.ts';
import { Notification, Tray, clipboard, dialog, nativeImage, safeStorage, screen, shell } from './system.ts';
import { utilityProcess } from './utility-process.ts';

const electron = {
  app,
  BrowserWindow,
  ipcMain,
  Menu,
  MenuItem,
  Notification,
  Tray,
  clipboard,
  dialog,
  nativeImage,
  safeStorage,
  screen,
  session,
  shell,
  utilityProcess,
};
// Every name is one of Electron's.
electron satisfies {
  [Name in keyof typeof electron]: Name extends keyof typeof Electron.CrossProcessExports ? unknown : never;
};

answerEvaluations(electron);

export {
  app,
  BrowserWindow,
  ipcMain,
  Menu,
  MenuItem,
  Notification,
  Tray,
  clipboard,
  dialog,
  nativeImage,
  safeStorage,
  screen,
  session,
  shell,
  utilityProcess,
};
