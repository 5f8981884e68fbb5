import { execFile } from 'node:child_process';
import { join } from 'node:path';

export type ToolResult = { readonly code: number; readonly out: string; readonly err: string };

/** Runs a tool of `server/cli` on what the environment names. */
export function runTool(env: Readonly<Record<string, string>>, tool: string, ...argv: string[]): Promise<ToolResult> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env } };
    execFile(process.execPath, [join('server', 'cli', `${tool}.ts`), ...argv], options, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}
