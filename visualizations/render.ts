/** `npm run visualize`: draws the charts as they are now. */

import { writeFile } from 'node:fs/promises';
import { pictures } from './pictures.ts';

for (const { file, text } of pictures()) await writeFile(new URL(file, import.meta.url), text);
