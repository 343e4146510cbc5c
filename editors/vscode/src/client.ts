import * as os from 'node:os';
import * as vscode from 'vscode';
import { CloseAction, ErrorAction, LanguageClient, TransportKind, type LanguageClientOptions } from 'vscode-languageclient/node';
import type { Codeassist } from './server/find';
import { NO_MODEL } from './models';
import { selector, type Manifest } from './settings';

/** VS Code waits so long for another key before it asks for a suggestion. */
const EDITOR_WAITS_MS = 50;

/** Commands that are about the document in front, if they are not told of another. */
const OF_A_DOCUMENT = new Set(['codeassist.review', 'codeassist.restoreDismissed']);

/** What a client needs of the extension around it. */
export interface Around {
  manifest: Manifest;
  output: vscode.LogOutputChannel;
  /** What was set, as the server is to see it. */
  settings: () => Record<string, unknown>;
  /** The server has ended, and nobody asked it to. */
  ended: () => void;
  /** A command of the server was run from VS Code. */
  ran: (command: string) => Promise<void>;
}

/** A client that starts its server once, and leaves it to `ended` what happens after that. */
export class Client extends LanguageClient {
  constructor(server: Codeassist, around: Around) {
    const args = [...server.args, 'lsp'];
    super(
      'codeassist',
      'codeassist',
      // Not in the workspace's folder: Windows and `python -m` look for programs there first.
      { command: server.program, args, transport: TransportKind.stdio, options: { cwd: os.homedir() } },
      options(around),
    );
    this.registerFeature({
      fillClientCapabilities: (capabilities) => (capabilities.experimental = { codeassist: { waitsMs: EDITOR_WAITS_MS, mends: [NO_MODEL] } }),
      initialize: () => undefined,
      getState: () => ({ kind: 'static' }),
      clear: () => undefined,
    });
  }

  /** Message boxes are ours: this one would be a second about the same thing. */
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

function options(around: Around): LanguageClientOptions {
  return {
    documentSelector: selector(around.manifest),
    outputChannel: around.output,
    initializationFailedHandler: () => false,
    errorHandler: {
      error: () => ({ action: ErrorAction.Continue, handled: true }),
      closed: () => {
        around.ended();
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    },
    synchronize: { configurationSection: 'codeassist' },
    middleware: {
      workspace: {
        didChangeConfiguration: (_sections, next) => next(undefined), // The server then asks for what holds now.
        configuration: ({ items }) => items.map((item) => (item.section === 'codeassist' ? around.settings() : null)),
      },
      // The library makes a command of VS Code from each command of the server.
      executeCommand: async (command, args: unknown[], next) => {
        const active = vscode.window.activeTextEditor?.document.uri;
        const completed = OF_A_DOCUMENT.has(command) && active && !args.length ? [active.toString()] : args;
        const answer: unknown = await next(command, completed);
        await around.ran(command);
        return answer;
      },
    },
  };
}
