import type { ConnectionState, Profile, ServerState, ShellSettings, UpdateState } from '../../contract/shell.ts';

export type Diagnostics = {
  readonly appVersion: string;
  readonly packaged: boolean;
  readonly versions: Readonly<Record<string, string | undefined>>;
  readonly system: {
    readonly platform: string;
    readonly release: string;
    readonly arch: string;
    readonly memoryGb: number;
  };
  readonly screens: readonly { readonly width: number; readonly height: number; readonly scale: number }[];
  readonly server: ServerState;
  readonly profiles: readonly Profile[];
  readonly connections: Readonly<Record<string, ConnectionState>>;
  readonly windows: number;
  readonly settings: ShellSettings;
  readonly update: UpdateState;
  readonly logs: string;
  readonly at: string;
};

/** A report for whoever helps: versions and states; no posts, no names of feeds or people, no secrets. */
export function diagnosticsText(found: Diagnostics): string {
  const { versions, system } = found;
  const lines = [
    `Tagwire ${found.appVersion}${found.packaged ? '' : ' (from source)'}, ${found.at}`,
    `Electron ${versions['electron'] ?? '–'}, Chromium ${versions['chrome'] ?? '–'}, Node ${versions['node'] ?? '–'}`,
    `${system.platform} ${system.release} ${system.arch}, ${system.memoryGb} GB`,
    `Screens: ${found.screens.map(({ width, height, scale }) => `${width}×${height} @${scale}`).join(', ')}`,
    `Server: ${found.server.kind}${found.server.detail === undefined ? '' : ` – ${found.server.detail}`}`,
    ...found.profiles.map((profile) => `Profile ${describe(profile)}: ${stateOf(found.connections[profile.id])}`),
    `Windows: ${found.windows}`,
    `Updates: ${found.update.kind}${'reason' in found.update ? ` – ${found.update.reason}` : ''}`,
    `Settings: ${JSON.stringify(found.settings)}`,
    `Logs: ${found.logs}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** A server's host may be private to a company: the report says what kind of address it is. */
function describe(profile: Profile): string {
  if (profile.kind === 'local') return 'on this computer';
  const { protocol, port } = new URL(profile.url);
  return `on a server (${protocol}//…${port === '' ? '' : `:${port}`})`;
}

function stateOf(connection: ConnectionState | undefined): string {
  if (connection === undefined) return 'not asked yet';
  if (connection.state === 'offline') return `offline since ${connection.since}`;
  return connection.state === 'connected' ? `connected since ${connection.since}` : connection.state;
}
