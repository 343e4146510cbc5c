import * as vscode from 'vscode';
import { CloseAction, ErrorAction, LanguageClient, MessageType, ShowMessageNotification, TransportKind, type LanguageClientOptions, type MessageTransports } from 'vscode-languageclient/node';
import { NO_MODEL } from './models';
import type { Codeassist } from './server/find';
import { plain } from './server/plain';
import { FOLDER } from './server/run';
import { within } from './server/within';
import { selector, type Manifest } from './settings';

/** VS Code waits so long for another key before it asks for a suggestion. */
const EDITOR_WAITS_MS = 50;

/** A server that has not answered by then never will, also on a slow disk. */
const ANSWERS_WITHIN_MS = 60_000;

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
  private isGivenUp = false;

  constructor(server: Codeassist, around: Around) {
    const args = [...server.args, 'lsp'];
    super(
      'codeassist',
      'codeassist',
      { command: server.program, args, transport: TransportKind.stdio, options: { cwd: FOLDER } },
      options(around),
    );
    this.registerFeature({
      fillClientCapabilities: (capabilities) => (capabilities.experimental = { codeassist: { waitsMs: EDITOR_WAITS_MS, mends: [NO_MODEL] } }),
      initialize: () => undefined,
      getState: () => ({ kind: 'static' }),
      clear: () => undefined,
    });
    this.onNotification(ShowMessageNotification.type, ({ type, message }) => {
      const show = type === MessageType.Error ? vscode.window.showErrorMessage : type === MessageType.Warning ? vscode.window.showWarningMessage : vscode.window.showInformationMessage;
      void show(plain(message)); // In place of the library's own, which shows it as it is.
    });
  }

  /** Start; rejects when the server does not answer in time or `signal` says that it is not wanted any more. */
  async begin(signal: AbortSignal): Promise<void> {
    const started = this.start();
    try {
      await within(started, ANSWERS_WITHIN_MS, `it does not answer within ${ANSWERS_WITHIN_MS / 1000} s`, signal);
    } catch (error) {
      this.isGivenUp = true;
      await this.end(); // The library rejects this while it starts, but ends the program, and those that it started.
      void started.then(() => this.end()).catch(() => undefined); // It may still answer before that.
      throw error;
    }
  }

  /** The program is started here, after a while: it may not be wanted any more by then. */
  protected override async createMessageTransports(encoding: string): Promise<MessageTransports> {
    const transports = await super.createMessageTransports(encoding);
    if (!this.isGivenUp) return transports;
    await this.end();
    throw new Error('cancelled');
  }

  /** Stop. A server that does not listen is ended by the library, two seconds later. */
  async end(): Promise<void> {
    await this.stop().catch((error: unknown) => this.warn(String(error)));
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
        if (command === 'codeassist.restoreDismissed' && !active && !args.length) {
          void vscode.window.showInformationMessage('codeassist: open a file of the folder whose dismissed findings you want to see.');
          return null;
        }
        const completed = OF_A_DOCUMENT.has(command) && active && !args.length ? [active.toString()] : args;
        const answer: unknown = await next(command, completed);
        await around.ran(command);
        return answer;
      },
    },
  };
}
