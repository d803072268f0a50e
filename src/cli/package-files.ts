/** Where the package's own files are: beside `src/` in a checkout, beside `dist/` when built. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const isBuilt = import.meta.url.endsWith('.js');
const root = new URL(isBuilt ? '../../../' : '../../', import.meta.url);

export const packageVersion = (): string =>
  (JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { readonly version: string }).version;

/** A file that is shipped as it is. */
export const shippedFile = (path: string): string => fileURLToPath(new URL(path, root));

/** A module that the build compiles; named as its source is. */
export const compiledFile = (path: string): string => fileURLToPath(new URL(isBuilt ? `dist/${path.replace(/\.ts$/, '.js')}` : path, root));
