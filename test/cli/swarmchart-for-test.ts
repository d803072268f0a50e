/** What bin/swarmchart.js does, from source: no build is needed. */

import { main } from '../../src/cli/main.ts';

process.exitCode = await main(process.argv.slice(2));
