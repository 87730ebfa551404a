/** An element: its name, and its text or its children. */
export type Element = readonly [name: string, content: string | readonly Element[]]

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** A document of elements without attributes. Indented or not, the texts in it stay as they are. */
export function writeXml(name: string, content: Element[1], isIndented: boolean): string {
  return write([name, content], isIndented ? '\n' : '')
}

/** `newline` holds what a line of the element's level begins with; empty where nothing is indented. */
function write([name, content]: Element, newline: string): string {
  if (typeof content === 'string') {
    return `<${name}>${content.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')}</${name}>`
  }
  const inner = newline && `${newline}  `
  return `<${name}>${content.map((child) => inner + write(child, inner)).join('')}${newline}</${name}>`
}
