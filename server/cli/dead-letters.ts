import type { DeadLetter } from '../messaging/dead-letter.ts';
import type { DeadLetters } from '../posts/post-store.ts';
import { EXIT, runTool, UsageError, type Tool } from './tool.ts';

/*
 * `npm run dead-letters -- …`: messages that no handler could deal with. Works beside running servers: what is
 * replayed goes back into the outbox, and a server picks it up within a second.
 */

const USAGE = `Usage: npm run dead-letters -- <command>
  list              the dead letters, the newest first
  show <id>         one of them, whole
  replay <id|all>   puts it back into the outbox, to be handled again
  drop <id|all>     forgets it: what it told is lost, and the next rebuild mends the read model`;

/** More than anybody reads at once. */
const LIST_LIMIT = 1_000;

await runTool({ usage: USAGE }, async (tool) => {
  const [command = 'list', id, ...more] = tool.words;
  if (more.length > 0) throw new UsageError(USAGE);
  const { deadLetters } = (await tool.open()).write;
  if (command === 'list' && id === undefined) return list(tool, deadLetters);
  if (command === 'show' && id !== undefined) return show(tool, deadLetters, id);
  if (command === 'replay' && id !== undefined) {
    return each(tool, deadLetters, id, 'Replayed', (one) => deadLetters.replay(one));
  }
  if (command === 'drop' && id !== undefined) {
    return each(tool, deadLetters, id, 'Dropped', (one) => deadLetters.drop(one));
  }
  throw new UsageError(USAGE);
});

async function list({ say }: Tool, deadLetters: DeadLetters): Promise<number> {
  for (const { message, handler, reason, at } of await deadLetters.list(LIST_LIMIT)) {
    say(`${message.id}  ${at}  ${message.topic}  ${handler}: ${firstLine(reason)}`);
  }
  const count = await deadLetters.count();
  say(count === 1 ? '1 dead letter' : `${count} dead letters`);
  return EXIT.done;
}

async function show({ say }: Tool, deadLetters: DeadLetters, id: string): Promise<number> {
  const letter = await deadLetters.get(id);
  if (letter === undefined) return missing(say, id);
  say(JSON.stringify(readable(letter), undefined, 2));
  return EXIT.done;
}

async function each(
  { say }: Tool,
  deadLetters: DeadLetters,
  id: string,
  done: string,
  act: (id: string) => Promise<boolean>,
): Promise<number> {
  if (id !== 'all') {
    if (!(await act(id))) return missing(say, id);
    say(`${done} ${id}`);
    return EXIT.done;
  }
  // What dies again after its replay has a new id, and is not replayed once more.
  const letters = await deadLetters.list(await deadLetters.count());
  const results = [];
  for (const { message } of letters) results.push(await act(message.id));
  say(`${done} ${results.filter(Boolean).length}`);
  return EXIT.done;
}

function missing(say: Tool['say'], id: string): number {
  say(`There is no dead letter ${id}.`);
  return EXIT.failed;
}

/** With the payload as JSON where it is some. */
function readable(letter: DeadLetter): object {
  try {
    return { ...letter, message: { ...letter.message, payload: JSON.parse(letter.message.payload) as unknown } };
  } catch {
    return letter;
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
