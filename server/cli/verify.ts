import { describeDifference, verify } from '../feeds/verify.ts';
import { EXIT, runTool } from './tool.ts';

/*
 * `npm run verify`: compares the read model with the write model, beside running servers, and prints every
 * difference. Ends with 0 where there is none, and with 1 where there are some, which `npm run rebuild` mends.
 */

const USAGE = `Usage: npm run verify
  Prints every difference between the read model and the write model, and ends with 1 where there is one.`;

await runTool({ usage: USAGE }, async ({ open, signal, say }) => {
  const { write, readModel } = await open();
  let differences = 0;
  for await (const difference of verify({ store: write.store, readModel, signal })) {
    differences += 1;
    say(describeDifference(difference));
  }
  const posts = await write.store.count();
  if (differences === 0) {
    say(`The read model is what the write model says: ${posts} posts, deleted ones included.`);
    return EXIT.done;
  }
  say(`${differences} differences. npm run rebuild mends them.`);
  return EXIT.failed;
});
