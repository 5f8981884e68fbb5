import { expect, it } from 'vitest';
import { jsonErrorPosition } from './json-body.ts';

/** The offset at which V8 stops, through the message that V8 gives. */
function positionOf(text: string): number | undefined {
  try {
    JSON.parse(text);
  } catch (error) {
    return jsonErrorPosition(text, (error as Error).message);
  }
  throw new Error('That is JSON.');
}

it.each([
  ['{"a": x}', 6],
  [`{"title": "${'x'.repeat(200)}", "author": !}`, 224],
  ['{"a":1,}', 7],
  ['{"a":1}}', 7],
  ['{"a":"\n"}', 6],
  ['x', 0],
])('the position in %j is %i', (text, position) => {
  expect(positionOf(text)).toBe(position);
});

it.each(['', '{"a":', '[['])('there is none in %j, which only breaks off', (text) => {
  const position = positionOf(text);
  expect(position === undefined || position === text.length).toBe(true);
});
