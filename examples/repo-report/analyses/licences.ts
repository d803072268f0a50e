/** Which licence a text is, by phrases that only it has. The first match counts. */

const LICENCES: readonly (readonly [kind: string, phrase: RegExp])[] = [
  ['AGPL-3.0', /GNU AFFERO GENERAL PUBLIC LICENSE\s+Version 3/i],
  ['LGPL', /GNU (LESSER|LIBRARY) GENERAL PUBLIC LICENSE/i],
  ['GPL-3.0', /GNU GENERAL PUBLIC LICENSE\s+Version 3/i],
  ['GPL-2.0', /GNU GENERAL PUBLIC LICENSE\s+Version 2/i],
  ['Apache-2.0', /Apache License,?\s+Version 2\.0/i],
  ['MPL-2.0', /Mozilla Public License,?\s+(Version|v\.) ?2\.0/i],
  ['EPL-2.0', /Eclipse Public License\s+-\s+v ?2\.0/i],
  ['BSD-3-Clause', /Redistribution and use in source and binary forms[\s\S]*Neither the name/i],
  ['BSD-2-Clause', /Redistribution and use in source and binary forms/i],
  ['ISC', /Permission to use, copy, modify,? and\/or distribute this software/i],
  ['MIT', /Permission is hereby granted, free of charge, to any person obtaining a copy/i],
  ['Unlicense', /This is free and unencumbered software released into the public domain/i],
  ['CC0-1.0', /CC0 1\.0 Universal/i],
];

/** An SPDX-like name, or `unknown`. Where the text breaks its lines does not matter. */
export function licenceKind(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return LICENCES.find(([, phrase]) => phrase.test(line))?.[0] ?? 'unknown';
}
