import { byId, h } from './dom.ts'

let closing: (() => void) | undefined

/**
 * Opens the page's dialog. Escape closes it, and the browser restores the focus.
 * @param onClose is called once, however it is closed
 */
export function openDialog(
  title: string,
  content: readonly (Node | string)[],
  onClose?: () => void,
): HTMLDialogElement {
  const dialog = byId<HTMLDialogElement>('dialog')
  if (dialog.open) dialog.close()
  ended()
  const close = h(
    'button',
    { type: 'button', class: 'quiet', click: closeDialog, 'aria-label': 'Close' },
    '✕',
  )
  dialog.replaceChildren(h('header', {}, h('h2', { id: 'dialog-title' }, title), close), ...content)
  closing = onClose
  // The close event of the previous dialog arrives when this one is open already.
  dialog.addEventListener('close', closed)
  dialog.showModal()
  return dialog
}

function closed(this: HTMLDialogElement): void {
  if (!this.open) ended()
}

function ended(): void {
  const done = closing
  closing = undefined
  done?.()
}

export function closeDialog(): void {
  byId<HTMLDialogElement>('dialog').close()
}
