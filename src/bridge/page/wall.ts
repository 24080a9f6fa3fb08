import { byId, h } from './dom.ts'

/**
 * `?view=wall`: only the last values, large, for a screen that nobody touches. `&find=WORDS` chooses fields,
 * as the box does.
 * @returns whether the page is a wall
 */
export function showWall(): boolean {
  const given = new URLSearchParams(location.search)
  const find = byId<HTMLInputElement>('find')
  find.value = given.get('find') ?? ''
  const isWall = given.get('view') === 'wall'
  document.body.classList.toggle('wall', isWall)
  const link = h('a', { id: 'wall', href: '/' }, isWall ? 'Whole page' : 'Big numbers')
  // Its target depends on what is chosen when it is followed.
  const aim = () => {
    const words = find.value.trim()
    const query = new URLSearchParams([
      ...(isWall ? [] : [['view', 'wall'] as [string, string]]),
      ...(words === '' ? [] : [['find', words] as [string, string]]),
    ])
    link.href = query.size > 0 ? `/?${query}` : '/'
  }
  aim()
  find.addEventListener('input', aim)
  byId('account').before(link)
  return isWall
}
