/** Elements from data. Text is only ever text: nothing here reads markup. */

type Child = Node | string | undefined
type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

const svgNamespace = 'http://www.w3.org/2000/svg'

/** An element; an attribute that is undefined or false is left out. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  return filled(document.createElement(tag), attributes, children)
}

export function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[Tag] {
  return filled(document.createElementNS(svgNamespace, tag), attributes, children)
}

function filled<E extends Element>(made: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : String(value))
  made.append(...children.filter((child) => child !== undefined))
  return made
}

/** The element of index.html with this id. */
export function byId<E extends Element = HTMLElement>(id: string): E {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`index.html has no #${id}`)
  // Who asks knows what index.html has there.
  return found as unknown as E
}

/** Sets a text only when it is another: what a person has selected stays selected, and nothing is read out again. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text
}

const shown = new WeakMap<Element, string>()

/** Draws `data` into `target` anew, unless it is what stands there already. */
export function drawWhenChanged<Data>(target: Element, data: Data, draw: (data: Data) => readonly Child[]): void {
  const key = JSON.stringify(data)
  if (shown.get(target) === key) return
  shown.set(target, key)
  target.replaceChildren(...draw(data).filter((child) => child !== undefined))
}

/** The choice of a group of radio buttons, now and whenever it changes. */
export function onChoice(name: string, take: (value: string) => void): void {
  for (const input of document.querySelectorAll<HTMLInputElement>(`input[name="${name}"]`))
    input.addEventListener('change', () => input.checked && take(input.value))
}

/** A button that copies; nothing where the browser lets no page copy, as on plain http from another machine. */
export function copyButton(what: string, text: string): HTMLButtonElement | undefined {
  if (!window.isSecureContext) return undefined
  const button = element('button', { type: 'button', class: 'copy', 'aria-label': `Copy ${what}` }, 'Copy')
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(text)
    button.textContent = 'Copied'
    setTimeout(() => setText(button, 'Copy'), 2000)
  })
  return button
}
