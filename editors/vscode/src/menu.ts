import * as vscode from 'vscode';
import { NO_MODEL } from './models';
import { isOff } from './pause';
import { plain } from './server/plain';
import { facts, type Status } from './status';

interface Entry extends vscode.QuickPickItem {
  command?: string;
  args?: unknown[];
}

/** What the menu shows of the state of things. */
export interface Situation {
  status: Status;
  /** Whether the language server runs. */
  running: boolean;
  paused: boolean;
}

const separator = (label: string): Entry => ({ label, kind: vscode.QuickPickItemKind.Separator });

/** Opens the menu, and runs what is chosen. */
export async function openMenu(situation: Situation): Promise<void> {
  const { state, message } = situation.status;
  const picked = await vscode.window.showQuickPick(entries(situation), {
    title: `codeassist is ${state}${message ? `: ${plain(message)}` : ''}`,
    placeHolder: facts(situation.status).join(' · ') || 'What do you want to do?',
  });
  if (picked?.command) await vscode.commands.executeCommand(picked.command, ...(picked.args ?? []));
}

function entries({ status, running, paused }: Situation): Entry[] {
  const language = vscode.window.activeTextEditor?.document.languageId;
  const mending: Entry[] = [];
  if (status.reason === 'no-server') mending.push({ label: '$(cloud-download) Install the Language Server', command: 'codeassist.install' });
  if (status.reason === NO_MODEL) mending.push({ label: '$(cloud-download) Download the Model', command: 'codeassist.pullModel' });
  if (status.reason && running) mending.push({ label: '$(refresh) Reconnect to the Model', command: 'codeassist.restartModel' });
  const always: Entry[] = [
    separator('codeassist'),
    { label: '$(pulse) Run Doctor', description: 'what works, what does not, and what mends it', command: 'codeassist.doctor' },
    { label: '$(debug-restart) Restart the Language Server', command: 'codeassist.restartServer' },
    { label: '$(output) Show Log', command: 'codeassist.showLog' },
    { label: '$(mortar-board) Get Started', command: 'codeassist.walkthrough' },
    { label: '$(gear) Settings', command: 'workbench.action.openSettings', args: ['@ext:codeassist.codeassist'] },
  ];
  if (!running) return [...mending, ...always];
  return [
    ...mending,
    paused
      ? { label: '$(play) Resume in This Workspace', command: 'codeassist.togglePause' }
      : { label: '$(debug-pause) Pause in This Workspace', command: 'codeassist.togglePause' },
    ...(language ? [{ label: `${isOff(language) ? '$(play) Resume' : '$(debug-pause) Pause'} Completions in ${language}`, command: 'codeassist.toggleLanguage' }] : []),
    { label: '$(symbol-misc) Choose Model...', ...(status.model && { description: plain(status.model) }), command: 'codeassist.chooseModel' },
    separator('review'),
    { label: '$(search) Review This File', command: 'codeassist.review' },
    { label: '$(diff) Review Changes', description: 'in all open files', command: 'codeassist.reviewChanges' },
    separator('requests'),
    { label: '$(graph) Show What the Last Requests Did', command: 'codeassist.showTrace' },
    ...always,
  ];
}
