(function () {
'use strict'
// Every g of class f is a frame: data-d its depth, data-s and data-v where it begins and how wide it is, in the units of the
// values; the root is the first. A frame's title is its name, and in the second line what it holds.
const svg = (document.currentScript && document.currentScript.closest('svg')) || document.documentElement
const frames = [...svg.querySelectorAll('g.f')].map(g => ({ g, rect: g.querySelector('rect'), text: g.querySelector('text'),
	depth: +g.dataset.d, start: +g.dataset.s, value: +g.dataset.v,
	name: g.querySelector('title').textContent.split('\n')[0], about: g.querySelector('title').textContent }))
const here = svg.querySelector('.here'), found = svg.querySelector('.found'), reset = svg.querySelector('.reset')
const input = svg.querySelector('input'), LEFT = 10, WIDTH = svg.viewBox.baseVal.width - 2 * LEFT, CHAR = 7.25
const root = frames[0]
let top = root

function fit(frame, width) {
	const room = Math.floor((width - 6) / CHAR), name = [...frame.name]
	frame.text.textContent = room < 3 ? '' : name.length <= room ? frame.name : name.slice(0, room - 2).join('') + '..'
}
function zoom(to) {
	top = to
	const scale = WIDTH / to.value, end = to.start + to.value
	for (const f of frames) {
		const above = f.depth < to.depth, beside = f.start + f.value <= to.start || f.start >= end
		const inside = above ? f.start <= to.start && f.start + f.value >= end : !beside
		f.g.style.display = inside ? '' : 'none'
		if (!inside) continue
		const x = above ? LEFT : LEFT + (f.start - to.start) * scale, width = above ? WIDTH : f.value * scale
		f.rect.setAttribute('x', x)
		f.rect.setAttribute('width', width)
		f.text.setAttribute('x', x + 3)
		f.g.style.opacity = above ? 0.5 : ''
		fit(f, width)
	}
	reset.style.display = to === root ? 'none' : ''
	search()
}
// What matches, without counting a frame within a frame that matches, too.
function search() {
	let pattern = null, sum = 0, end = -1
	try { pattern = input && input.value ? new RegExp(input.value) : null } catch (e) {
		found.textContent = 'no regular expression'
		return
	}
	const hits = []
	for (const f of frames) {
		const hit = pattern !== null && f !== root && pattern.test(f.name)
		f.rect.classList.toggle('hit', hit)
		if (hit && f.depth >= top.depth && f.start >= top.start && f.start + f.value <= top.start + top.value) hits.push(f)
	}
	hits.sort((a, b) => a.start - b.start || b.value - a.value)
	for (const f of hits)
		if (f.start >= end) {
			sum += f.value
			end = f.start + f.value
		}
	found.textContent = pattern ? `${sum.toLocaleString('en')} found, ${(100 * sum / top.value).toFixed(2)} %` : ''
}
for (const f of frames) {
	f.g.addEventListener('mouseenter', () => { here.textContent = f.about.replace('\n', ': ') })
	f.g.addEventListener('mouseleave', () => { here.textContent = '' })
	f.g.addEventListener('click', () => zoom(f))
}
reset.addEventListener('click', () => zoom(root))
reset.style.display = 'none'
if (input) {
	input.addEventListener('input', search)
	svg.querySelector('foreignObject').style.display = ''
}
document.addEventListener('keydown', e => {
	if (e.key !== 'Escape') return
	if (input) input.value = ''
	zoom(root)
})
})()
