/** Light, dark, or as the system has it; kept in this browser. */
import { onChoice } from './dom.ts'

const key = 'waypost-theme'

export function startTheme(): void {
  const kept = localStorage.getItem(key) ?? 'auto'
  const input = document.querySelector<HTMLInputElement>(`input[name="theme"][value="${CSS.escape(kept)}"]`)
  if (input !== null) input.checked = true
  apply(kept)
  onChoice('theme', (choice) => {
    localStorage.setItem(key, choice)
    apply(choice)
  })
}

/** `color-scheme` follows this, and every colour follows `color-scheme`. */
function apply(choice: string): void {
  document.documentElement.dataset.theme = choice
}
