/** What stands out in the figures, said in plain language. */

import type { Inspection } from '../git/inspection.ts';
import type { Collection } from './census.ts';
import { isWrittenByHand } from './file-kinds.ts';
import type { Analyses } from './report.ts';
import { inline, number, percent, plural } from './text.ts';

const TIGHT_CONFIDENCE = 0.8;
const FEW_TESTS = 0.2;

/** What limits the report. */
export function notesOn(inspection: Inspection, log: Collection): string[] {
  const notes: string[] = [];
  if (inspection.head === null) {
    notes.push('This repository has no commits yet, so there is no history, and no file, to report on.');
  }
  if (inspection.isShallow) {
    const edge = log.boundaryCommits;
    notes.push(
      `This is a shallow clone: only ${plural(log.commits, 'commit')} of its history ${log.commits === 1 ? 'is' : 'are'} here. Figures over time, ` +
        `hotspots, coupling and ownership cover that part alone; the file changes of the ${plural(edge, 'commit')} at its edge are unknown and not counted. ` +
        '`git fetch --unshallow` fetches the rest.',
    );
  }
  return notes;
}

export function findingsIn({ history, hotspots, coupling, ownership, hygiene }: Analyses): string[] {
  return [
    aboutOwnership(ownership),
    aboutHotspots(hotspots),
    aboutCoupling(coupling),
    aboutBots(history),
    aboutReleases(history),
    ...(hygiene.files > 0 ? aboutHygiene(hygiene) : []),
  ].filter((finding) => finding !== undefined);
}

function aboutOwnership({ whole, folderCount, onePersonFolders }: Analyses['ownership']): string | undefined {
  if (!whole) return undefined;
  const [first] = whole.owners;
  if (whole.people === 1) return `All changes are the work of one person, ${inline(first?.author ?? '')}.`;
  const lead = `${onePersonFolders} of ${plural(folderCount, 'folder')} ${onePersonFolders === 1 ? 'depends' : 'depend'} on one person`;
  const half = whole.busFactor === 1 ? `${inline(first?.author ?? '')} alone` : `${whole.busFactor} people`;
  return `${lead}. Over the whole repository, ${half} made at least half of the changes.`;
}

function aboutHotspots({ files: { top } }: Analyses['hotspots']): string | undefined {
  const [hottest] = top;
  if (!hottest) return undefined;
  const { path, commits, people, lines } = hottest;
  return `The hottest file is ${inline(path)}: ${plural(commits, 'commit')} by ${people === 1 ? 'one person' : `${people} people`}, ${plural(lines, 'line')} today.`;
}

function aboutCoupling({ pairs: { top } }: Analyses['coupling']): string | undefined {
  const tight = top.find((pair) => pair.confidence >= TIGHT_CONFIDENCE && isWrittenByHand(pair.file) && isWrittenByHand(pair.partner));
  if (!tight) return undefined;
  return `Whoever changes ${inline(tight.file)} nearly always changes ${inline(tight.partner)} too (${percent(tight.confidence)} of ${plural(Math.round(tight.support / tight.confidence), 'commit')}).`;
}

function aboutBots({ commits, botCommits }: Analyses['history']): string | undefined {
  if (botCommits === 0) return undefined;
  return `Bots made ${plural(botCommits, 'commit')}, ${percent(botCommits / (commits + botCommits))} of all without merges.`;
}

function aboutReleases({ releases }: Analyses['history']): string | undefined {
  const [latest] = releases.latest.top;
  if (!latest) return undefined;
  const pace = releases.medianDaysBetween === null ? '' : `, with a median of ${plural(releases.medianDaysBetween, 'day')} between them`;
  return `${plural(releases.count, 'release')} so far${pace}; the latest is ${inline(latest.tag)} of ${latest.date}.`;
}

function aboutHygiene(hygiene: Analyses['hygiene']): string[] {
  const { markers, licence, readme, ci, testsToCode, testLines, largeFiles } = hygiene;
  const missing = [!licence && 'a licence', !readme && 'a README', ci.top.length === 0 && 'a CI configuration'].filter(
    (what) => what !== false,
  );
  const large = largeFiles.top.length + largeFiles.leftOut;
  const findings: string[] = [];
  if (missing.length > 0) findings.push(`Missing: ${missing.join(', ')}.`);
  if (markers.TODO + markers.FIXME > 0)
    findings.push(`${number(markers.TODO)} × TODO and ${number(markers.FIXME)} × FIXME wait in the files.`);
  if (testsToCode !== null && testLines === 0) findings.push('There is code, but no test was recognised.');
  else if (testsToCode !== null && testsToCode < FEW_TESTS)
    findings.push(`Tests are few: ${testsToCode.toFixed(2)} lines of tests for each line of code.`);
  if (large > 0)
    findings.push(`${plural(large, 'file')} of ${number(hygiene.largeFileBytes)} bytes or more ${large === 1 ? 'is' : 'are'} kept in git.`);
  return findings;
}
