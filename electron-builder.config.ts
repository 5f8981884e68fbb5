import type { Configuration } from 'electron-builder';

/** Where the packed app asks for updates: a folder of what `npm run dist` makes, over https. */
const feed = process.env['TAGWIRE_UPDATE_URL'];

/** How the app is packed (docs/desktop.md): `npm run dist` makes what the platform it runs on can make. */
const configuration: Configuration = {
  appId: 'app.tagwire.desktop',
  productName: 'Tagwire',
  copyright: '© The Tagwire authors',
  directories: { output: 'dist', buildResources: 'build' },
  // All that runs is built; of the packages only what the main and the server process still import at run time.
  files: [
    'out/**',
    'build/icons/512x512.png',
    'build/{tray*,badge}.png',
    'package.json',
    '!node_modules/{mysql2,mongodb,bson,mongodb-connection-string-url,@mongodb-js,@nats-io}/**',
    '!**/*.{map,md,ts,mts,cts}',
    '!node_modules/**/{test,tests,docs,example,examples,benchmarks}/**',
  ],
  asar: true,
  // There is nothing native in it.
  npmRebuild: false,
  electronFuses: {
    // The checklist's point on fuses: nobody turns the app into a Node, or loads other code into it.
    runAsNode: false,
    enableNodeOptionsEnvironmentVariable: false,
    enableNodeCliInspectArguments: false,
    enableCookieEncryption: true,
    enableEmbeddedAsarIntegrityValidation: true,
    onlyLoadAppFromAsar: true,
    grantFileProtocolExtraPrivileges: false,
    // Writing the fuses breaks Electron's ad-hoc signature, without which Apple's own chips run nothing.
    resetAdHocDarwinSignature: true,
  },
  protocols: [{ name: 'Tagwire link', schemes: ['tagwire'] }],
  fileAssociations: [
    { ext: 'tagwire', name: 'Tagwire link', description: 'A link to a feed or a post', role: 'Viewer' },
  ],
  // Without a feed the app says that it does not update itself.
  publish: feed === undefined ? null : [{ provider: 'generic', url: feed }],
  win: { target: [{ target: 'nsis', arch: ['x64', 'arm64'] }], icon: 'build/icon.ico' },
  nsis: {
    oneClick: false,
    perMachine: false,
    allowToChangeInstallationDirectory: true,
    deleteAppDataOnUninstall: false,
  },
  mac: {
    target: [
      { target: 'dmg', arch: ['x64', 'arm64'] },
      // What electron-updater takes updates from.
      { target: 'zip', arch: ['x64', 'arm64'] },
    ],
    icon: 'build/icon.icns',
    category: 'public.app-category.productivity',
    hardenedRuntime: true,
    gatekeeperAssess: false,
    entitlements: 'build/entitlements.mac.plist',
    entitlementsInherit: 'build/entitlements.mac.plist',
  },
  linux: {
    target: [
      { target: 'AppImage', arch: ['x64', 'arm64'] },
      { target: 'deb', arch: ['x64', 'arm64'] },
    ],
    icon: 'build/icons',
    category: 'Network;InstantMessaging',
    maintainer: 'The Tagwire authors <tagwire@example.org>',
    synopsis: 'Short notes under #hashtags, live in every window',
    desktop: { entry: { StartupWMClass: 'Tagwire' } },
  },
};

export default configuration;
