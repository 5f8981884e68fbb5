/* The main process on Electron 22: what is different there, then the app's own. */
import './builtins.ts';
import './events.ts';
import '../../../src/main/index.ts';
