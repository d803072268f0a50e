/** What `swarmchart --help` says beneath the commands. */

export const HELP = `
stdout carries the result, stderr everything else. Runs are kept in .swarmchart/journal.db in the working folder: whatever ends a process,
"swarmchart resume ID" goes on where it was.

Exit codes:
  0    succeeded
  1    the run failed, or was cancelled
  2    wrong usage, or a file or journal that cannot be used; nothing was run
  3    paused, or waiting for a person: it was left in the journal
  4    timed out
  130  SIGINT: the run was cancelled; a second one stops it at once
  143  SIGTERM (129 SIGHUP): steps under way had 10 s to end, and the run was left in the journal; a second one leaves it at once.
       Without a journal it was cancelled
Of approve, cancel and pause: 0 listed or taken; 1 not, being late; 2 wrong usage, unknown id, or not permitted.
Of journal verify: 0 all of it is sound, 1 something is not.

Environment: NO_COLOR and CI are obeyed; SWARMCHART_DEBUG=1 shows where an error happened.`;
