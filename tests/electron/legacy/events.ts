import { app } from 'electron';

// Electron 25 moved into the event what came beside it before.
app.on('web-contents-created', (_event, contents) => {
  contents.prependListener('will-navigate', (event, url) => void Object.assign(event, { url, isMainFrame: true }));
  contents.prependListener('will-redirect', (event, url, _isInPlace, isMainFrame) =>
    Object.assign(event, { url, isMainFrame }),
  );
});
