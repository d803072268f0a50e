/** Finds the values of secrets in texts, in one pass over a text however many values there are. */

/** Shorter ones stand in any text by chance. */
export const SHORTEST_SECRET = 6;

/** A form of a secret's value, and what takes its place. */
interface Form {
  readonly text: string;
  readonly label: string;
}

export const labelOf = (name: string): string => `[secret:${name}]`;

/** The forms are told apart by what they begin with: so many characters, hashed to so many bits. */
const HEAD = 3;
const BITS = 18;
const MASK = 2 ** BITS - 1;

/** Where somebody has cut a text, as all messages here are. */
const CUT = '…';
const CUT_CODE = CUT.charCodeAt(0);
/** What is left of a value at a cut is taken for it from so many characters on. */
const SHORTEST_REST = 4;
const LONGEST_REST = 4_096;
/** Cuts that are looked at in one text. */
const MOST_CUTS = 100;
/** What takes a value's place can make up another value together with what is beside it. */
const MOST_PASSES = 3;

export class SecretValues {
  readonly #heads = new Uint8Array(2 ** BITS);
  readonly #byHead = new Map<number, Form[]>();
  #plain: Form[] = [];
  readonly #numbers = new Map<string, string>();

  add(name: string, value: string): void {
    const label = labelOf(name);
    for (const text of formsOf(value)) {
      if (text.length < SHORTEST_SECRET) continue;
      const head = headOf(text);
      this.#heads[head] = 1;
      const forms = [...(this.#byHead.get(head) ?? []), { text, label }];
      this.#byHead.set(
        head,
        forms.sort((a, b) => b.text.length - a.text.length),
      );
    }
    this.#plain.push({ text: value, label });
    if (String(Number(value)) === value) this.#numbers.set(value, label);
  }

  delete(name: string, value: string): void {
    const label = labelOf(name);
    const texts = formsOf(value);
    const isLeft = (form: Form): boolean => form.label !== label || !texts.has(form.text);
    for (const text of texts) this.#byHead.set(headOf(text), this.#byHead.get(headOf(text))?.filter(isLeft) ?? []);
    this.#plain = this.#plain.filter(isLeft);
    if (this.#numbers.get(value) === label) this.#numbers.delete(value);
  }

  /** Its label, when it is what a value says in digits. */
  labelOfNumber(number: number): string | undefined {
    return this.#numbers.size === 0 ? undefined : this.#numbers.get(String(number));
  }

  /** The text with labels for values; the same text when it holds none. */
  scrub(text: string): string {
    if (text.length < SHORTEST_REST + 1) return text;
    let result = text;
    for (let pass = 0; ; pass++) {
      const scrubbed = this.#pass(result);
      if (scrubbed === result) return result;
      if (pass === MOST_PASSES) return labelOf('?');
      result = scrubbed;
    }
  }

  #pass(text: string): string {
    const found: Span[] = [];
    const heads = this.#heads;
    const { length } = text;
    let head = 0;
    let cuts = 0;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      head = ((head << 6) ^ code) & MASK;
      if (heads[head] === 1 && index >= HEAD - 1) {
        const from = index - HEAD + 1;
        const form = this.#byHead.get(head)?.find((each) => text.startsWith(each.text, from));
        if (form) found.push({ from, to: from + form.text.length, label: form.label });
      }
      if (code === CUT_CODE && cuts++ < MOST_CUTS) found.push(...this.#restsAt(text, index));
    }
    return found.length === 0 ? text : replaced(text, found);
  }

  /** What a cut has left of a value before and behind it, in order. */
  #restsAt(text: string, cut: number): readonly Span[] {
    let before = { length: SHORTEST_REST - 1, label: '' };
    let behind = before;
    // Searched for what every rest has next to the cut: hardly any value has it, whatever its length.
    const ending = text.slice(Math.max(0, cut - SHORTEST_REST), cut);
    const beginning = text.slice(cut + 1, cut + 1 + SHORTEST_REST);
    for (const { text: value, label } of this.#plain) {
      const longest = Math.min(value.length - 1, LONGEST_REST);
      let length = endOf(value, ending, Math.min(longest, cut));
      while (length > before.length && !text.startsWith(value.slice(0, length), cut - length)) length = endOf(value, ending, length - 1);
      if (length > before.length) before = { length, label };
      length = startOf(value, beginning, Math.min(longest, text.length - cut - 1));
      while (length > behind.length && !text.startsWith(value.slice(-length), cut + 1)) length = startOf(value, beginning, length - 1);
      if (length > behind.length) behind = { length, label };
    }
    const rests = [
      { from: cut - before.length, to: cut, label: before.label },
      { from: cut + 1, to: cut + 1 + behind.length, label: behind.label },
    ];
    return rests.filter(({ label }) => label !== '');
  }
}

/** Length of the longest beginning of a value, at most so long, that ends so; 0 for none. */
function endOf(value: string, ending: string, longest: number): number {
  if (longest < SHORTEST_REST) return 0;
  const at = value.lastIndexOf(ending, longest - SHORTEST_REST);
  return at === -1 ? 0 : at + SHORTEST_REST;
}

/** Length of the longest end of a value, at most so long, that begins so; 0 for none. */
function startOf(value: string, beginning: string, longest: number): number {
  if (longest < SHORTEST_REST) return 0;
  const at = value.indexOf(beginning, value.length - longest);
  return at === -1 ? 0 : value.length - at;
}

interface Span {
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

/** What overlaps is replaced together, by the label of the first. */
function replaced(text: string, found: readonly Span[]): string {
  let result = '';
  let done = 0;
  for (const { from, to, label } of found.toSorted((a, b) => a.from - b.from || b.to - a.to)) {
    if (from >= done) result += text.slice(done, from) + label;
    done = Math.max(done, to);
  }
  return result + text.slice(done);
}

function headOf(text: string): number {
  let head = 0;
  for (let index = 0; index < HEAD; index++) head = ((head << 6) ^ text.charCodeAt(index)) & MASK;
  return head;
}

/** The value itself; in JSON; in a URL; in Base64, also within a longer text, as in `Authorization: Basic`. */
function formsOf(value: string): ReadonlySet<string> {
  const forms = [value, JSON.stringify(value).slice(1, -1), ...formsInUrls(value)];
  const bytes = Buffer.from(value);
  for (const lead of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(lead), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // Characters at both ends that the bytes beside the value have a part in.
    const first = Math.ceil((lead * 8) / 6);
    const last = Math.floor(((lead + bytes.length) * 8) / 6);
    const inner = text.slice(first, last);
    forms.push(inner, inner.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return new Set(forms);
}

const ANY_QUERY = 'https://x/?';

/** Everybody leaves other characters as they are. */
function formsInUrls(value: string): readonly string[] {
  if (!value.isWellFormed()) return [];
  const component = encodeURIComponent(value);
  const strict = component.replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  const form = new URLSearchParams([['', value]]).toString().slice(1);
  const parsed = new URL(`${ANY_QUERY}${value}`).href.slice(ANY_QUERY.length);
  const forms = [component, strict, form, component.replaceAll('%20', '+'), encodeURI(value), parsed];
  const quoted = forms.flatMap((text) => [text, text.replaceAll("'", '%27')]);
  return quoted.flatMap((text) => [text, text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())]);
}
