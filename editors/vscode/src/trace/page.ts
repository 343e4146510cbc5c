/** One entry of `codeassist/trace`. What became of a suggestion is an entry of its own, without timings. */
export interface Entry {
  kind: string;
  uri?: string;
  item?: string;
  outcome?: string;
  timings?: Record<string, number>;
  tokens?: { prompt: number; cached: number | null; generated: number };
  reused?: boolean;
  skip?: string | null;
  detail?: string;
}

/** A stage as the page tells of it: what it is called there, and which of the editor's colours it has. */
interface Stage {
  label: string;
  colour: string;
}

/** In the order in which they happen. */
const STAGES: Readonly<Record<string, Stage>> = {
  debounce: { label: 'waits for the next key', colour: 'charts-lines' },
  join: { label: 'waits for an answer on its way', colour: 'charts-foreground' },
  connect: { label: 'connects', colour: 'terminal-ansiBrightBlack' },
  repository: { label: 'looks at the repository', colour: 'terminal-ansiCyan' },
  question: { label: 'works out what to look up', colour: 'terminal-ansiBrightRed' },
  parse: { label: 'parses', colour: 'charts-yellow' },
  context: { label: 'finds related code', colour: 'charts-orange' },
  prompt: { label: 'writes the prompt', colour: 'terminal-ansiBrightYellow' },
  reading: { label: 'engine reads the prompt', colour: 'charts-blue' },
  writing: { label: 'engine writes', colour: 'charts-purple' },
  infill: { label: 'checks line by line', colour: 'terminal-ansiBrightMagenta' },
  words: { label: 'asks in words', colour: 'terminal-ansiMagenta' },
  post: { label: 'looks over the answer', colour: 'charts-green' },
  other: { label: 'anything else', colour: 'disabledForeground' },
};

/** The parts of a request's time, in their order: name and milliseconds. Together they are the whole. */
export function parts({ timings = {} }: Entry): [string, number][] {
  const { total = 0, model, 'first-token': reading, ...known } = timings;
  const all: Record<string, number> = { ...known };
  if (model !== undefined) {
    all.reading = reading ?? model;
    all.writing = Math.max(0, model - all.reading);
  }
  const named = Object.values(all).reduce((sum, each) => sum + each, 0);
  all.other = Math.max(0, total - named);
  const order = Object.keys(STAGES);
  const place = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  return Object.entries(all)
    .filter(([, milliseconds]) => milliseconds >= 0.05)
    .sort(([one], [other]) => place(one) - place(other));
}

/** The page that shows `entries`, the newest first. It has no scripts and fetches nothing; `nonce` allows its own style. */
export function page(entries: readonly Entry[], nonce: string): string {
  const requests = entries.filter(({ timings }) => timings).reverse();
  const longest = Math.max(1, ...requests.map(({ timings }) => timings?.total ?? 0));
  const used = new Set(requests.flatMap((entry) => parts(entry).map(([name]) => name)));
  const order = Object.keys(STAGES).filter((name) => used.has(name));
  const legend = [...new Set([...order, ...used])].map((name) => `<li><svg class="key"><rect class="${css(name)}" width="10" height="10"/></svg>${escaped(labelOf(name))}</li>`);
  const rows = requests.map((entry) => row(entry, longest));
  const body = rows.length
    ? `<ul class="legend">${legend.join('')}</ul>
<table><thead><tr><th>Request</th><th>File</th><th class="time">Time</th><th class="number">ms</th><th class="number">Prompt</th><th class="number">Cached</th><th class="number">Written</th><th>Result</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table>`
    : '<p>Nothing was asked yet. Type in a source file, or review one.</p>';
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'nonce-${nonce}'">
<style nonce="${nonce}">${STYLE}</style><title>codeassist: last requests</title></head>
<body><h1>Last requests</h1>
<p>Bars begin when the request came in; the longest is ${Math.round(longest)} ms. Tokens of the prompt that the engine had in its cache cost it nothing.</p>
${body}</body></html>`;
}

function row(entry: Entry, longest: number): string {
  const { kind, uri = '', tokens, timings = {} } = entry;
  let left = 0;
  const bars = parts(entry).map(([name, milliseconds]) => {
    const from = (1000 * left) / longest;
    left += milliseconds;
    const title = `${labelOf(name)}: ${rounded(milliseconds)} ms`;
    return `<rect class="${css(name)}" x="${from.toFixed(1)}" width="${((1000 * milliseconds) / longest).toFixed(1)}" height="10"><title>${escaped(title)}</title></rect>`;
  });
  const said = parts(entry).map(([name, milliseconds]) => `${labelOf(name)} ${rounded(milliseconds)} ms`);
  const number = (value: number | null | undefined): string => `<td class="number">${escaped(String(value ?? ''))}</td>`;
  return `<tr><td>${escaped(kind)}</td><td title="${escaped(uri)}">${escaped(nameOf(uri))}</td>
<td class="time"><svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="${escaped(said.join(', '))}">${bars.join('')}</svg></td>
${number(Math.round(timings.total ?? 0))}${number(tokens?.prompt)}${number(tokens?.cached)}${number(tokens?.generated)}
<td>${escaped(result(entry))}</td></tr>`;
}

function result({ skip, detail, reused }: Entry): string {
  if (skip) return detail ? `${skip}: ${detail}` : skip;
  return reused ? 'answered from what was there' : 'answered';
}

function labelOf(name: string): string {
  return STAGES[name]?.label ?? name;
}

function css(name: string): string {
  return name in STAGES ? name : 'other';
}

function nameOf(uri: string): string {
  const last = uri.split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

function rounded(milliseconds: number): string {
  return milliseconds < 10 ? milliseconds.toFixed(1) : String(Math.round(milliseconds));
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}

const STYLE = `
body { padding: 0 1.5em 1em; }
h1 { font-weight: normal; margin-bottom: 0; }
.legend { display: flex; flex-wrap: wrap; gap: .3em 1.2em; list-style: none; padding: 0; }
.key { width: 10px; height: 10px; margin-right: .4em; }
table { border-collapse: collapse; width: 100%; font-size: .9em; }
th { text-align: left; font-weight: 600; }
td, th { padding: .25em .6em .25em 0; border-bottom: 1px solid var(--vscode-panel-border); white-space: nowrap; }
td:nth-child(2) { max-width: 14em; overflow: hidden; text-overflow: ellipsis; }
td:last-child { white-space: normal; overflow-wrap: anywhere; min-width: 7em; }
.number { text-align: right; }
.time { width: 40%; min-width: 8em; }
.time svg { width: 100%; height: 12px; display: block; }
${Object.entries(STAGES).map(([name, { colour }]) => `rect.${name} { fill: var(--vscode-${colour}); }`).join('\n')}
`;
