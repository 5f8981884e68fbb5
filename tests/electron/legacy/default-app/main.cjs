// What the default app that comes with Electron does for `electron FOLDER`; the package that we take ours from lacks it.
const { app } = require('electron');
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const { resolve } = require('node:path');

const [folder] = process.argv.slice(1).filter((argument) => !argument.startsWith('-'));
if (folder === undefined) {
  process.stderr.write('usage: electron FOLDER-OF-AN-APP\n');
  process.exit(1);
}
const path = resolve(folder);
const { name, productName = name, version } = JSON.parse(readFileSync(resolve(path, 'package.json'), 'utf8'));
process.defaultApp = true;
app.setName(productName);
app.setVersion(version);
app.setAppPath(path);
Module._load(path, Module, true);
