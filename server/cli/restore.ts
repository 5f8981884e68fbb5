import { forgetMongoReadModel } from '../feeds/mongo-forget.ts';
import { forgetStream } from '../messaging/nats-forget.ts';
import { restoreMysql } from '../posts/mysql-backup.ts';
import { fromStandardInput } from './piped.ts';
import { restoreFolder } from './restore-folder.ts';
import { EXIT, runTool, UsageError } from './tool.ts';

/*
 * `npm run restore -- FILE [--replace]`: puts a backup in the place of the write model. What was made from that one (the read
 * model, and events on their way) goes, and is made anew when a server starts.
 */

const USAGE = `Usage: npm run restore -- FILE [--replace]
  Stop all servers first. Where there are posts already, only with --replace: alone, the file with them is put
  aside; on MySQL they are deleted. Where FILE is "-", the backup comes from standard input.`;

await runTool(
  { usage: USAGE, flags: ['replace'], mayLack: true, things: 'rows' },
  async ({ config, words, flags, signal, say, progress }) => {
    const [given, ...more] = words;
    if (given === undefined || more.length > 0) throw new UsageError(USAGE);
    return given === '-' ? fromStandardInput(restoreFrom) : restoreFrom(given);

    async function restoreFrom(file: string): Promise<number> {
      const { services, dataDir } = config;
      const options = { file, replace: flags.includes('replace'), progress };
      if (services === undefined) {
        const { posts, aside } = restoreFolder(dataDir, options);
        if (aside !== undefined) say(`What was there is in ${aside}`);
        say(`${posts} posts are restored; the feeds are made anew when the server starts.`);
        return EXIT.done;
      }
      const posts = await restoreMysql(services.mysql, options);
      await forgetMongoReadModel(services.mongo);
      await forgetStream({ url: services.nats, signal }, services.natsPrefix.toUpperCase());
      say(`${posts} posts are restored; the feeds are made anew when a server starts.`);
      return EXIT.done;
    }
  },
);
