import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

export const readProjectFile = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');
