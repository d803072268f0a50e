/** The code blocks of the pages in docs/. */

import { readProjectFile } from '../house/project.ts';

export interface Block {
  readonly language: string;
  readonly text: string;
  /** What the page shows beneath it as its outcome. */
  readonly outcome?: string;
}

/** In the order of the page; a block of text belongs to the block before it. */
export function blocksOf(page: string): readonly Block[] {
  const blocks: Block[] = [];
  for (const [, language = '', text = ''] of readProjectFile(page).matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)) {
    const last = blocks.at(-1);
    if (language === 'text' && last) blocks[blocks.length - 1] = { ...last, outcome: text.trimEnd() };
    else blocks.push({ language, text });
  }
  return blocks;
}
