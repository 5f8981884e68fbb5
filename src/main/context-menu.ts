import type { Clipboard, ContextMenuParams, MenuItemConstructorOptions, WebContents } from 'electron';

export type ContextMenuActions = {
  /** `undefined` where the link does not lead to a place of the app. */
  readonly openInNewWindow: (() => void) | undefined;
  readonly openLink: ((url: string) => void) | undefined;
  readonly clipboard: Pick<Clipboard, 'writeText'>;
  readonly contents: Pick<WebContents, 'replaceMisspelling' | 'session' | 'inspectElement'>;
  readonly developer: boolean;
};

export type ContextMenuPoint = Pick<
  ContextMenuParams,
  'linkURL' | 'selectionText' | 'isEditable' | 'editFlags' | 'misspelledWord' | 'dictionarySuggestions' | 'x' | 'y'
>;

const separator: MenuItemConstructorOptions = { type: 'separator' };

/** The menu for what was clicked on: a misspelt word, a link, a field, a selection. May be empty. */
export function contextMenuTemplate(
  point: ContextMenuPoint,
  actions: ContextMenuActions,
): MenuItemConstructorOptions[] {
  const groups = [spelling(point, actions), link(point, actions), editing(point), developer(point, actions)];
  return groups
    .filter((group) => group.length > 0)
    .flatMap((group, index) => (index === 0 ? group : [separator, ...group]));
}

function spelling(
  { misspelledWord, dictionarySuggestions }: ContextMenuPoint,
  { contents }: ContextMenuActions,
): MenuItemConstructorOptions[] {
  if (misspelledWord === '') return [];
  const suggestions: MenuItemConstructorOptions[] = dictionarySuggestions.map((word) => ({
    label: word,
    click: () => contents.replaceMisspelling(word),
  }));
  if (suggestions.length === 0) suggestions.push({ label: 'No Suggestions', enabled: false });
  return [
    ...suggestions,
    separator,
    {
      label: 'Add to Dictionary',
      click: () => void contents.session.addWordToSpellCheckerDictionary(misspelledWord),
    },
  ];
}

function link({ linkURL }: ContextMenuPoint, actions: ContextMenuActions): MenuItemConstructorOptions[] {
  if (linkURL === '') return [];
  const { openInNewWindow, openLink, clipboard } = actions;
  if (openInNewWindow !== undefined) return [{ label: 'Open in New Window', click: () => openInNewWindow() }];
  return [
    ...(openLink ? [{ label: 'Open in Browser', click: () => openLink(linkURL) }] : []),
    { label: 'Copy Link', click: () => clipboard.writeText(linkURL.replace(/^mailto:/, '')) },
  ];
}

function editing({ isEditable, editFlags, selectionText }: ContextMenuPoint): MenuItemConstructorOptions[] {
  const hasText = selectionText.trim() !== '';
  if (!isEditable) return hasText ? [{ role: 'copy', enabled: editFlags.canCopy }] : [];
  return [
    { role: 'undo', enabled: editFlags.canUndo },
    { role: 'redo', enabled: editFlags.canRedo },
    separator,
    { role: 'cut', enabled: editFlags.canCut && hasText },
    { role: 'copy', enabled: editFlags.canCopy && hasText },
    { role: 'paste', enabled: editFlags.canPaste },
    { role: 'selectAll', enabled: editFlags.canSelectAll },
  ];
}

function developer({ x, y }: ContextMenuPoint, actions: ContextMenuActions): MenuItemConstructorOptions[] {
  return actions.developer ? [{ label: 'Inspect', click: () => actions.contents.inspectElement(x, y) }] : [];
}
