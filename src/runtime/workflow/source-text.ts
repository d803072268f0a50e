/**
 * Workflow text, YAML or JSON, as plain data with source positions.
 *
 * Refuses what could harm: too much text, too deep nesting (checked on the tokens, before anything recursive runs),
 * alias bombs, custom tags, duplicate keys and keys that reach a prototype.
 */

import { Composer, type CST, type Document, isAlias, isMap, isPair, isScalar, isSeq, LineCounter, type Node, Parser } from 'yaml';
import type { Json } from '../../machines/protocol/execution.ts';
import { type IssueList, type Path, type Position, printPath } from './issues.ts';
import { UNSAFE_KEYS, WORKFLOW_LIMITS } from './limits.ts';

/** A definition as data. `locate` finds a path in the text; a path that leads nowhere gives its nearest ancestor. */
export interface Source {
  readonly data: Json | undefined;
  locate(path: Path, part?: 'key' | 'value'): Position | undefined;
}

const NOWHERE: Source = { data: undefined, locate: () => undefined };

export function readText(text: string, issues: IssueList): Source {
  if (Buffer.byteLength(text) > WORKFLOW_LIMITS.textBytes) {
    issues.add('LIMIT_EXCEEDED', [], `The text is longer than ${WORKFLOW_LIMITS.textBytes} bytes.`);
    return NOWHERE;
  }
  const lines = new LineCounter();
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const tooDeep = firstTokenTooDeep(tokens);
  if (tooDeep !== undefined) {
    issues.add('LIMIT_EXCEEDED', [], `The document is nested deeper than ${WORKFLOW_LIMITS.documentDepth} levels.`, position(tooDeep));
    return NOWHERE;
  }
  // The composer's own check of unique keys compares every pair of keys: 28 s for 60,000. Ours is in `toData`.
  const documents = [
    ...new Composer({ uniqueKeys: false, prettyErrors: false, resolveKnownTags: false }).compose(tokens, true, text.length),
  ];
  const [document] = documents;
  for (const [index, { errors, warnings }] of documents.entries()) {
    for (const problem of [...errors, ...warnings]) issues.add('SYNTAX_ERROR', [], firstLine(problem.message), position(problem.pos[0]));
    if (index === 1) issues.add('SYNTAX_ERROR', [], 'A file holds one document; put several workflows under "workflows".');
  }
  if (document === undefined || document.contents === null) {
    if (issues.isEmpty) issues.add('SYNTAX_ERROR', [], 'The text is empty.', { line: 1, column: 1 });
    return NOWHERE;
  }
  const reader = new DocumentReader(document, issues, position);
  // What a broken text seems to say is not worth a report.
  if (!issues.isEmpty) return NOWHERE;
  return { data: reader.read(), locate: (path, part) => reader.locate(path, part) };
}

const firstLine = (message: string): string => message.split('\n', 1)[0] ?? message;

/** Offset of the first token beyond the allowed depth. Keeps its own stack, because the text may be hostile. */
function firstTokenTooDeep(tokens: readonly CST.Token[]): number | undefined {
  const open: { token: CST.Token; depth: number }[] = tokens.map((token) => ({ token, depth: 0 }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (depth > WORKFLOW_LIMITS.documentDepth) return token.offset;
    if (token.type === 'document' && token.value) open.push({ token: token.value, depth });
    if (!('items' in token)) continue;
    for (const item of token.items) {
      if (item.key) open.push({ token: item.key, depth: depth + 1 });
      if (item.value) open.push({ token: item.value, depth: depth + 1 });
    }
  }
  return undefined;
}

class DocumentReader {
  readonly #contents: Node | null;
  readonly #issues: IssueList;
  readonly #position: (offset: number) => Position;
  readonly #anchors = new Map<string, Node>();
  #nodes = 0;
  #aliases = 0;
  #isStopped = false;

  constructor(document: Document.Parsed | Document, issues: IssueList, position: (offset: number) => Position) {
    this.#contents = document.contents as Node | null;
    this.#issues = issues;
    this.#position = position;
  }

  read(): Json | undefined {
    return this.#toData(this.#contents, [], 0);
  }

  locate(path: Path, part: 'key' | 'value' = 'value'): Position | undefined {
    let node: unknown = this.#contents;
    let offset = startOf(node) ?? 0;
    for (const [index, segment] of path.entries()) {
      if (isAlias(node)) node = this.#anchors.get(node.source);
      if (isMap(node)) {
        const pair = node.items.findLast((item) => keyText(item.key) === String(segment));
        if (pair === undefined) break;
        node = pair.value;
        const wantsKey = part === 'key' && index === path.length - 1;
        offset = (wantsKey ? undefined : startOf(node)) ?? startOf(pair.key) ?? offset;
      } else if (isSeq(node)) {
        node = node.items[Number(segment)];
        if (node === undefined) break;
        offset = startOf(node) ?? offset;
      } else break;
    }
    return this.#position(offset);
  }

  #toData(node: unknown, path: Path, depth: number): Json | undefined {
    if (!this.#admits(node, path, depth)) return undefined;
    if (isAlias(node)) return this.#followAlias(node, path, depth);
    if (isScalar(node)) {
      this.#remember(node);
      return this.#scalarToData(node.value, node, path);
    }
    if (isSeq(node)) {
      const items = node.items.map((item, index) => this.#toData(isPair(item) ? item.value : item, [...path, index], depth + 1) ?? null);
      this.#remember(node);
      return items;
    }
    if (isMap(node)) {
      const data = this.#mapToData(node.items, path, depth);
      this.#remember(node);
      return data;
    }
    return null;
  }

  #mapToData(items: readonly { readonly key: unknown; readonly value: unknown }[], path: Path, depth: number): Json {
    const data: Record<string, Json> = {};
    for (const { key, value } of items) {
      const name = keyText(key);
      const at = this.#at(key);
      if (name === undefined) this.#issues.add('INVALID_VALUE', path, 'A key must be a plain text.', at);
      else if (UNSAFE_KEYS.has(name)) this.#issues.add('UNSAFE_KEY', [...path, name], `The key "${name}" is not allowed.`, at);
      else if (Object.hasOwn(data, name)) this.#issues.add('SYNTAX_ERROR', [...path, name], `The key "${name}" is given twice.`, at);
      else data[name] = this.#toData(value, [...path, name], depth + 1) ?? null;
    }
    return data;
  }

  /** Expands the alias again at each use, so that what it costs counts against the limits. */
  #followAlias(alias: Node & { readonly source: string }, path: Path, depth: number): Json | undefined {
    this.#aliases += 1;
    if (this.#aliases > WORKFLOW_LIMITS.aliases) return this.#stop(path, `More than ${WORKFLOW_LIMITS.aliases} aliases.`, alias);
    const target = this.#anchors.get(alias.source);
    if (target !== undefined) return this.#toData(target, path, depth);
    this.#issues.add('SYNTAX_ERROR', path, `The alias "*${alias.source}" has no finished anchor before it.`, this.#at(alias));
    return undefined;
  }

  #scalarToData(value: unknown, node: unknown, path: Path): Json | undefined {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    this.#issues.add('INVALID_VALUE', path, `${printPath(path)} is not a JSON value.`, this.#at(node));
    return undefined;
  }

  #admits(node: unknown, path: Path, depth: number): boolean {
    this.#nodes += 1;
    const { documentNodes, documentDepth } = WORKFLOW_LIMITS;
    if (this.#nodes > documentNodes) this.#stop(path, `The document holds more than ${documentNodes} values.`, node);
    else if (depth > documentDepth) this.#stop(path, `Nested deeper than ${documentDepth} levels.`, node);
    return !this.#isStopped;
  }

  /** Reports the first limit that is exceeded; nothing is read after that. */
  #stop(path: Path, message: string, node: unknown): undefined {
    if (!this.#isStopped) this.#issues.add('LIMIT_EXCEEDED', path, message, this.#at(node));
    this.#isStopped = true;
  }

  /** Only a finished node can be an alias's target: an anchor within itself is no tree. */
  #remember(node: Node & { readonly anchor?: string }): void {
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
  }

  #at(node: unknown): Position | undefined {
    const offset = startOf(node);
    return offset === undefined ? undefined : this.#position(offset);
  }
}

function startOf(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
}

function keyText(key: unknown): string | undefined {
  return isScalar(key) && !isMap(key) ? String(key.value) : undefined;
}
