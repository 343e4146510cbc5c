import * as os from 'node:os';
import * as path from 'node:path';
import type { Run } from './run';

/** A command that starts codeassist: `program` and `args` come before the name of the sub-command. */
export interface Codeassist {
  program: string;
  args: string[];
  /** For people: why this one. */
  from: string;
}

/** Where codeassist may be, beside what the user configured. */
export interface Places {
  /** Interpreters of the workspace, absolute paths. */
  interpreters: readonly string[];
  /** The interpreter of the extension's own environment, whether it was made or not. */
  own: string;
  exists: (file: string) => boolean;
}

const ANSWER_LIMIT_MS = 20_000;

/** The candidates in the order in which they are tried. */
export function candidates({ interpreters, own, exists }: Places): Codeassist[] {
  const ofPython = (program: string, from: string): Codeassist => ({ program, args: ['-m', 'codeassist'], from });
  const existing = [...new Set(interpreters)].filter((file) => path.isAbsolute(file) && exists(file));
  return [
    ...existing.map((file) => ofPython(file, "the workspace's interpreter")),
    { program: 'codeassist', args: [], from: 'the search path' },
    ...(exists(own) ? [ofPython(own, "the extension's own environment")] : []),
  ];
}

/** The first of `all` that says its version; undefined if none does, or `signal` says that nobody wants to know any more. */
export async function firstThatWorks(all: readonly Codeassist[], run: Run, note: (line: string) => void, signal?: AbortSignal): Promise<Codeassist | undefined> {
  for (const each of all) {
    try {
      const said = await run(each.program, [...each.args, '--version'], { limitMs: ANSWER_LIMIT_MS, ...(signal && { signal }) });
      const version = /^codeassist (\d\S*)/m.exec(said)?.[1];
      if (version) {
        note(`codeassist ${version} of ${each.from}: ${each.program}`);
        return each;
      }
    } catch {
      // It is not there. What was tried is in the log.
    }
    if (signal?.aborted) return undefined;
    note(`no codeassist of ${each.from}: ${each.program}`);
  }
  return undefined;
}

/** The setting `codeassist.command` as a command; undefined if it is not set. Its last word may be `lsp`, which is not
 * part of the program. VS Code hands out whatever stands in the file: text alone is the program, and for anything else
 * there is an error. */
export function configured(setting: unknown): Codeassist | undefined {
  const words = typeof setting === 'string' ? [setting] : (setting ?? []);
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string')) {
    throw new Error(`codeassist.command is a list of texts, ["/path/to/codeassist"]; it is ${JSON.stringify(setting)}`);
  }
  const [program, ...args] = words.map((word) => word.replace(/^~(?=[/\\])/, os.homedir()));
  if (!program?.trim()) return undefined;
  if (args.at(-1) === 'lsp') args.pop();
  return { program, args, from: 'the setting codeassist.command' };
}
