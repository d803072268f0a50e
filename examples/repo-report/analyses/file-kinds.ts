/** What a file is, judged by its path alone. */

const LOCK_FILES = new Set([
  'package-lock.json',
  'npm-shrinkwrap.json',
  'yarn.lock',
  'pnpm-lock.yaml',
  'bun.lock',
  'bun.lockb',
  'deno.lock',
  'cargo.lock',
  'composer.lock',
  'gemfile.lock',
  'go.sum',
  'poetry.lock',
  'pdm.lock',
  'uv.lock',
  'pipfile.lock',
  'flake.lock',
  'mix.lock',
  'pubspec.lock',
  'podfile.lock',
  'packages.lock.json',
  'gradle.lockfile',
]);

const GENERATED = [
  /(^|\/)(dist|build|out|target|vendor|third_party|node_modules|__generated__|generated|\.yarn)\//i,
  /\.min\.(js|css|mjs)$/i,
  /\.(map|snap)$/i,
  /[._-](generated|pb|g)\.\w+$/i,
  /_pb2?(_grpc)?\.(py|js|ts)$/i,
];

const CODE =
  /\.(c|cc|cpp|cxx|h|hh|hpp|m|mm|cs|java|kt|kts|scala|groovy|go|rs|swift|dart|js|jsx|mjs|cjs|ts|tsx|mts|cts|vue|svelte|py|pyi|rb|php|pl|pm|lua|r|jl|ex|exs|erl|hrl|hs|ml|mli|fs|clj|cljs|el|lisp|sh|bash|zsh|ps1|sql|zig|nim|sol)$/i;

const TEST = [
  /(^|\/)(tests?|specs?|__tests__|e2e|testing|testdata)\//i,
  /[._-](test|tests|spec)s?\.\w+$/i,
  /(^|\/)test_[^/]+\.py$/i,
  /[a-z0-9](Test|Tests|Spec)\.(java|kt|scala|cs|swift|php)$/,
];

const CI = [
  /^\.(github|gitea|forgejo)\/workflows\/[^/]+\.ya?ml$/,
  /^\.(circleci|buildkite|woodpecker|ci|semaphore)\//,
  /^\.(gitlab-ci|travis|cirrus|drone|appveyor|woodpecker)\.ya?ml$/,
  /^(appveyor|azure-pipelines|bitbucket-pipelines|cloudbuild)\.ya?ml$/,
  /^Jenkinsfile$/,
];

const LICENCE = /^(un)?(licen[cs]e|copying)([.-][^/]*)?$|^LICENSES\/[^/]+$/i;
const README = /^readme(\.[^/]*)?$/i;

export const isLockFile = (path: string): boolean => LOCK_FILES.has(baseName(path).toLowerCase());
export const isGenerated = (path: string): boolean => GENERATED.some((pattern) => pattern.test(path));
export const isWrittenByHand = (path: string): boolean => !isLockFile(path) && !isGenerated(path);
export const isCode = (path: string): boolean => CODE.test(path) && isWrittenByHand(path);
export const isTest = (path: string): boolean => TEST.some((pattern) => pattern.test(path));
export const isCi = (path: string): boolean => CI.some((pattern) => pattern.test(path));
export const isLicence = (path: string): boolean => LICENCE.test(path);
export const isReadme = (path: string): boolean => README.test(path);

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The folder of a file, cut to so many levels; `.` for files at the top. */
export function folderOf(path: string, depth: number): string {
  const folders = path.split('/').slice(0, -1).slice(0, depth);
  return folders.length === 0 ? '.' : folders.join('/');
}
