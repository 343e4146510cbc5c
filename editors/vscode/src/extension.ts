import * as os from 'node:os';
import * as vscode from 'vscode';
import { CloseAction, LanguageClient, State, TransportKind, type ErrorHandler, type LanguageClientOptions } from 'vscode-languageclient/node';
import { tellOfOthers } from './others';
import { chosen, type Manifest } from './settings';
import { show, type Status } from './status';
import { showTrace, traceProvider } from './trace';

const OPEN_SETTING = {
  title: 'Open Setting',
  command: 'workbench.action.openSettings',
  arguments: ['codeassist.command'],
};

/** Tries once and says nothing while it starts: `explain` does, with the next step. Later crashes are the library's. */
class Client extends LanguageClient {
  starting = true;

  override error(message: string, data?: unknown, notify?: boolean | 'force'): void {
    super.error(message, data, this.starting ? false : notify);
  }

  override createDefaultErrorHandler(mostRestarts?: number): ErrorHandler {
    const usual = super.createDefaultErrorHandler(mostRestarts);
    return {
      error: (error, message, count) => usual.error(error, message, count),
      closed: () => (this.starting ? { action: CloseAction.DoNotRestart, handled: true } : usual.closed()),
    };
  }
}

let client: Client | undefined;
let telling: vscode.Disposable | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const manifest = context.extension.packageJSON as Manifest;
  const output = vscode.window.createOutputChannel('codeassist', { log: true });
  const bar = vscode.window.createStatusBarItem('codeassist.status', vscode.StatusBarAlignment.Right);
  bar.name = 'codeassist';
  const commandChanged = vscode.workspace.onDidChangeConfiguration(async (event) => {
    if (!event.affectsConfiguration('codeassist.command')) return;
    await deactivate();
    await start(manifest, output, bar);
  });
  context.subscriptions.push(output, bar, commandChanged, traceProvider());
  await start(manifest, output, bar);
}

export async function deactivate(): Promise<void> {
  telling?.dispose();
  if (client?.isRunning()) await client.stop();
}

async function start(manifest: Manifest, output: vscode.LogOutputChannel, bar: vscode.StatusBarItem): Promise<void> {
  const [program = '', ...args] = vscode.workspace.getConfiguration('codeassist').get<string[]>('command', []);
  const made = new Client(
    'codeassist',
    'codeassist',
    // Not in the workspace's folder: Windows and `python -m` look for programs there first.
    { command: program, args, transport: TransportKind.stdio, options: { cwd: os.homedir() } },
    clientOptions(manifest, output),
  );
  client = made;
  telling = tellOfOthers(made, selector(manifest));
  made.onNotification('codeassist/status', (status: Status) => show(status, bar, 'codeassist.showTrace'));
  made.onDidChangeState(({ newState }) => {
    if (newState === State.Starting) show({ state: 'busy', message: 'The language server starts.' }, bar, undefined);
    if (newState === State.Stopped && !made.starting) show({ state: 'off', message: 'The language server has stopped.' }, bar, undefined);
  });
  try {
    await made.start();
    made.starting = false;
  } catch (error) {
    explain([program, ...args].join(' '), error, output, bar);
  }
}

function selector(manifest: Manifest): { scheme: string; language: string }[] {
  const languages = manifest.activationEvents.map((event) => event.replace('onLanguage:', ''));
  return ['file', 'untitled'].flatMap((scheme) => languages.map((language) => ({ scheme, language })));
}

function clientOptions(manifest: Manifest, output: vscode.LogOutputChannel): LanguageClientOptions {
  return {
    documentSelector: selector(manifest),
    outputChannel: output,
    initializationFailedHandler: () => false,
    synchronize: { configurationSection: 'codeassist' },
    middleware: {
      workspace: {
        didChangeConfiguration: (_sections, next) => next(undefined), // The server then asks for what holds now.
        configuration: ({ items }) => items.map((item) => (item.section === 'codeassist' ? chosen(manifest) : null)),
      },
      // The library makes a command of VS Code from each command of the server.
      executeCommand: async (command, args: unknown[], next) => {
        const active = vscode.window.activeTextEditor?.document.uri;
        const completed = command === 'codeassist.review' && active ? [active.toString()] : args;
        const answer: unknown = await next(command, completed);
        if (command === 'codeassist.showTrace') await showTrace(answer);
        return answer;
      },
    },
  };
}

function explain(command: string, error: unknown, output: vscode.LogOutputChannel, bar: vscode.StatusBarItem): void {
  const reason = error instanceof Error ? error.message : String(error);
  const step = 'Install codeassist so that this works in a terminal, or name the program with its full path in the setting codeassist.command.';
  const message = `codeassist: "${command}" does not start: ${reason}. ${step}`;
  output.error(message);
  show({ state: 'degraded', message }, bar, OPEN_SETTING);
  void vscode.window.showErrorMessage(message, OPEN_SETTING.title, 'Show Log').then((picked) => {
    if (picked === 'Show Log') output.show();
    if (picked === OPEN_SETTING.title) void vscode.commands.executeCommand(OPEN_SETTING.command, ...OPEN_SETTING.arguments);
  });
}
