import { describeDifference, verify } from '../feeds/verify.ts';
import { EXIT, runTool } from './tool.ts';

/*
 * `npm run verify`: compares the read model with the write model, beside running servers, and prints every
 * difference. Ends with 0 where there is none, and with 1 where there are some, which `npm run rebuild` mends.
 */

await runTool(async ({ write, readModel, signal, say }) => {
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
