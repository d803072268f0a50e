/** A process that writes a journal until it is killed. Says so as soon as it does. */

import { sqlite } from '../../src/runtime/journal/sqlite/sqlite.ts';

const [, , path = ''] = process.argv;
await sqlite(path).open();
process.stdout.write('open\n');
setInterval(() => undefined, 1_000_000);
