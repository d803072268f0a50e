/** Who is a machine: decided by name and address alone. */

const KNOWN_BOTS =
  /^(dependabot|renovate|greenkeeper|github-actions|github-merge-queue|snyk|semantic-release|allcontributors|pre-commit-ci|codecov|copilot-swe-agent|web-flow|mergify|bors|imgbot|whitesource|weblate|pyup|k8s-ci-robot)([-_ ]?(bot|preview|actions?))?$/i;
const BOT_SUFFIX = /(\[bot\]|[-_ ]bot)$/i;

export function isBot(name: string, email: string): boolean {
  const mailbox = email.split('@', 1)[0]?.replace(/^\d+\+/, '') ?? '';
  return [name.trim(), mailbox].some((who) => KNOWN_BOTS.test(who) || BOT_SUFFIX.test(who));
}
