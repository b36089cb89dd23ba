// What the pages of footfall do in the browser beyond what they do without it. The server makes all of it; what is here saves a
// reader a wait or a way. It knows the pages by these marks alone:
//
//   #main                       is exchanged when a link or a form in it leads to the same page with another query
//   [data-live=URL]             what URL tells of who is there now is shown in its [data-number]; a link is of that time
//   [data-live][data-renew]     the page shows today, and is renewed after new events
//   [data-refresh=SECONDS][id]  is exchanged, after so many seconds and again, for what the server has there by then
//   .chart .step[data-since][data-until]    a point in time of a chart, with its first and last day; its title says the rest
//   [aria-keyshortcuts=KEY]     is followed, opened or gone to by a key; of several the last one
{
  const EVERY = 10_000
  const SELDOMEST = 300_000
  // So far the pointer has to go before it means to select.
  const DRAG_PIXELS = 6
  // So many milliseconds later a click is no part of a double click.
  const DOUBLE_CLICK = 400
  const KEYS = new Map([
    ["t", "Today"], ["7", "7 days"], ["2", "28 days"], ["9", "90 days"], ["m", "This month"], ["y", "This year"],
    ["ArrowLeft", "The days before"], ["ArrowRight", "The days after"], ["c", "Compare, or do not"], ["f", "Filter"],
    ["Escape", "Remove the last filter"], ["?", "These keys"],
  ])
  const NAMES = { ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" }

  const main = () => document.getElementById("main")
  const all = (selector, within = main()) => [...within?.querySelectorAll(selector) ?? []]
  const make = (parent, name, text = "", className = "") => {
    const element = document.createElement(name)
    element.textContent = text
    element.className = className
    parent.append(element)
    return element
  }
  const isField = element => element?.isContentEditable || /^(input|select|textarea)$/.test(element?.localName)

  // In a frame of another site a browser may keep it from us.
  const kept = (() => {
    try {
      return localStorage
    } catch {
      return null
    }
  })()

  const status = make(document.body, "p", "", "aside")
  status.setAttribute("role", "status")

  // ----- the same page with another query

  let loading
  let shown = location.pathname + location.search

  // What leads to another part of the very page is the browser's; with another query, the part is where the reader is.
  const isSame = (url, element) => url.origin === location.origin && url.pathname === location.pathname
    && !(url.hash && url.search === location.search) && main()?.contains(element)

  const fetched = async (url, more) => {
    const answer = await fetch(url, more)
    // Whoever has to log in again is sent elsewhere.
    if (!answer.ok || new URL(answer.url).pathname !== new URL(url, location).pathname) throw new Error(answer.status)
    return answer
  }

  const exchange = async (url, push, state) => {
    loading?.abort()
    const mine = loading = new AbortController()
    try {
      const answer = await fetched(url, { signal: mine.signal })
      if (!/^text\/html/.test(answer.headers.get("Content-Type"))) {
        mine.abort()
        throw new Error("no page")
      }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html")
      const fresh = page.getElementById("main")
      if (push && answer.url !== location.href) history.pushState(state, "", answer.url)
      shown = location.pathname + location.search
      document.title = page.title
      put(document.adoptNode(fresh))
    } finally {
      if (loading === mine) loading = undefined
    }
  }

  const follow = async (url, push = true, state = null) => {
    status.textContent = ""
    main().setAttribute("aria-busy", "true")
    try {
      await exchange(url, push, state)
      status.textContent = "Loaded"
    } catch (error) {
      if (error.name === "AbortError") return
      main().removeAttribute("aria-busy")
      // Then as without this script, and the reader sees what the server says.
      if (push) location.assign(url)
      else location.reload()
    }
  }

  // What had the focus, and what was open, is so again where it is there again.
  const put = fresh => {
    const old = main()
    const focused = document.activeElement
    const open = all("details[open]:not(.pick) > summary").map(summary => summary.textContent)
    const had = old.contains(focused)
    old.replaceWith(fresh)
    for (const summary of all("details > summary")) if (open.includes(summary.textContent)) summary.parentNode.open = true
    if (had) focus(like(focused) || fresh)
    prepare()
  }

  const like = element => {
    const others = all(element.localName)
    const has = name => element[name]?.trim?.() && others.find(each => each[name] === element[name])
    const found = has("id") || has("ariaLabel") || has("textContent")
    const menu = found && found.closest("details:not([open])")
    return menu ? menu.querySelector("summary") : found
  }

  const focus = element => {
    if (element === main()) element.tabIndex = -1
    element.focus({ preventScroll: true })
  }

  document.addEventListener("click", event => {
    if (drawn && chartOf(event.target)) event.preventDefault()
    for (const menu of all(".pick[open]")) if (!menu.contains(event.target)) menu.open = false
    const link = event.target.closest("a[href]")
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
    // A link in a picture has no address that is a text.
    const url = new URL(link.getAttribute("href"), location)
    // Of a chart to which a double click brings all days back, one click may be the first of two.
    if (chartOf(link) && history.state?.zoomed) {
      event.preventDefault()
      clearTimeout(clicked)
      clicked = setTimeout(() => location.assign(url), DOUBLE_CLICK)
      return
    }
    if (link.getAttribute("target") || link.hasAttribute("download") || !isSame(url, link)) return
    event.preventDefault()
    url.hash = ""
    follow(url.href)
  })

  document.addEventListener("submit", event => {
    const form = event.target
    const url = new URL(form.getAttribute("action") || location.pathname, location)
    if (event.defaultPrevented || form.method !== "get" || !isSame(url, form)) return
    event.preventDefault()
    url.search = new URLSearchParams(new FormData(form, event.submitter))
    follow(url.href)
  })

  addEventListener("popstate", () => {
    if (location.pathname + location.search !== shown) follow(location.href, false)
  })

  // ----- who is there now

  let timer
  let wait = EVERY
  let newest

  const look = async place => {
    const told = await (await fetched(place.dataset.live)).json()
    const number = place.querySelector("[data-number]")
    const text = told.visitors.toLocaleString("en")
    if (number.textContent !== text) number.textContent = text
    if (number.href) {
      const behind = new URL(number.href)
      behind.searchParams.set("now", told.at)
      number.href = behind
    }
    place.classList.toggle("some", told.visitors > 0)
    const isOld = newest !== undefined && newest !== told.newest && "renew" in place.dataset
    // What is not renewed now, because the reader is about to do something, is old the next time too.
    if (isOld && (loading || drag || isField(document.activeElement) || document.querySelector("dialog[open], .pick[open]"))) return
    newest = told.newest
    if (isOld) await exchange(location.href)
  }

  const tell = async () => {
    clearTimeout(timer)
    const place = document.querySelector("[data-live]")
    if (!place || document.hidden) return
    try {
      await look(place)
      wait = EVERY
    } catch (error) {
      if (error.name !== "AbortError") wait = Math.min(wait * 2, SELDOMEST)
    }
    clearTimeout(timer)
    timer = setTimeout(tell, wait)
  }

  document.addEventListener("visibilitychange", tell)

  // ----- the chart: what a point says, and a part of it to look at

  let drag
  // Whether what the pointer is about to click on was drawn over, and is not meant.
  let drawn = false
  // What follows a click that no second one follows.
  let clicked

  const steps = chart => all(".step[data-since]", chart)
  const chartOf = element => {
    const chart = element.closest?.(".chart")
    return chart && steps(chart).length ? chart : null
  }
  const middle = step => {
    const box = step.getBoundingClientRect()
    return box.left + box.width / 2
  }
  const nearest = (chart, x) => {
    const distances = steps(chart).map(step => Math.abs(middle(step) - x))
    return distances.indexOf(Math.min(...distances))
  }

  const prepare = () => {
    for (const step of all(".chart .step[data-since]")) {
      const title = step.querySelector("title")
      // Else the browser would show it too, a second later.
      step.dataset.says = title?.textContent ?? ""
      title?.remove()
    }
    for (const chart of all(".chart")) if (steps(chart).length) chart.querySelector(".plot").setAttribute("tabindex", "0")
  }

  // Show what a point says, and which ones are selected with it.
  const read = (chart, at, from = at) => {
    const points = steps(chart)
    const place = chart.querySelector(".readout") ?? make(chart, "div", "", "readout")
    for (const [index, step] of points.entries()) {
      step.classList.toggle("at", index === at || (index - at) * (index - from) <= 0)
    }
    chart.dataset.at = at
    chart.dataset.from = from
    place.textContent = from === at ? points[at].dataset.says
      : `${points[Math.min(at, from)].dataset.since} to ${points[Math.max(at, from)].dataset.until}`
    const box = chart.getBoundingClientRect()
    const left = middle(points[at]) - box.left - place.offsetWidth / 2
    place.style.left = `${Math.max(0, Math.min(left, box.width - place.offsetWidth))}px`
    return place.textContent
  }

  const unread = chart => {
    chart.querySelector(".readout")?.remove()
    for (const step of all(".at", chart)) step.classList.remove("at")
    delete chart.dataset.at
  }

  const zoom = (chart, at, from) => {
    const points = steps(chart)
    const url = new URL(location)
    url.searchParams.delete("interval")
    url.searchParams.set("period", "custom")
    url.searchParams.set("since", points[Math.min(at, from)].dataset.since)
    url.searchParams.set("until", points[Math.max(at, from)].dataset.until)
    follow(url.href, true, { zoomed: true })
  }

  document.addEventListener("pointermove", event => {
    const chart = drag?.chart ?? chartOf(event.target)
    if (!chart) return
    if (drag && Math.abs(event.clientX - drag.x) >= DRAG_PIXELS) drag.moved = true
    read(chart, nearest(chart, event.clientX), drag?.moved ? drag.from : undefined)
  })

  document.addEventListener("pointerout", event => {
    const chart = chartOf(event.target)
    if (chart && !drag && !chart.contains(event.relatedTarget)) unread(chart)
  })

  document.addEventListener("pointerdown", event => {
    const chart = chartOf(event.target)
    drawn = false
    if (chart && event.button === 0 && event.pointerType !== "touch") {
      drag = { chart, from: nearest(chart, event.clientX), x: event.clientX }
    }
  })

  const drop = () => {
    if (drag) unread(drag.chart)
    drag = undefined
  }

  document.addEventListener("pointerup", event => {
    const { chart, from, moved } = drag ?? {}
    drop()
    drawn = Boolean(moved)
    if (moved) zoom(chart, nearest(chart, event.clientX), from)
  })

  document.addEventListener("pointercancel", drop)

  for (const kind of ["dragstart", "selectstart"]) {
    document.addEventListener(kind, event => (drag || chartOf(event.target)) && event.preventDefault())
  }

  document.addEventListener("dblclick", event => {
    clearTimeout(clicked)
    if (chartOf(event.target) && history.state?.zoomed) history.back()
  })

  document.addEventListener("focusout", event => {
    const chart = chartOf(event.target)
    if (chart && !chart.contains(event.relatedTarget)) unread(chart)
  })

  const keyInChart = (chart, event) => {
    const last = steps(chart).length - 1
    const { at, from } = chart.dataset
    const to = { ArrowLeft: +(at ?? last + 1) - 1, ArrowRight: +(at ?? -1) + 1, Home: 0, End: last }[event.key]
    if (to !== undefined) {
      const place = Math.max(0, Math.min(to, last))
      status.textContent = read(chart, place, event.shiftKey && at ? +from : place)
      return true
    }
    if (event.key === "e" && at) {
      const behind = steps(chart)[at].querySelector("a")
      if (behind) location.assign(behind.getAttribute("href"))
      return Boolean(behind)
    }
    if (event.key !== "Enter" || !at) return false
    zoom(chart, +at, +from)
    return true
  }

  // ----- keys

  const help = () => {
    const dialog = make(document.body, "dialog", "", "hotkeys")
    make(dialog, "h2", "Keys").id = "hotkeys"
    dialog.setAttribute("aria-labelledby", "hotkeys")
    const list = make(dialog, "dl")
    for (const [key, what] of KEYS) {
      const pair = make(list, "div")
      make(make(pair, "dt"), "kbd", NAMES[key] ?? key)
      make(pair, "dd", what)
    }
    make(dialog, "p", "In the chart: ← and → go from point to point, with Shift they select, Enter shows what is selected, e the events behind a point. Drag with the mouse to select, double-click to go back.")
    const label = make(dialog, "label")
    const box = make(label, "input")
    box.type = "checkbox"
    box.checked = !kept?.getItem("no-keys")
    box.onchange = () => box.checked ? kept?.removeItem("no-keys") : kept?.setItem("no-keys", "1")
    label.append(" Use these keys")
    const form = make(dialog, "form")
    form.method = "dialog"
    make(form, "button", "Close", "quiet")
    dialog.onclose = () => dialog.remove()
    dialog.showModal()
  }

  document.addEventListener("keydown", event => {
    const { key, target } = event
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
    if (document.querySelector("dialog[open]")) return
    const [menu] = key === "Escape" ? all(".pick[open]") : []
    if (menu) {
      menu.open = false
      menu.querySelector("summary").focus()
      return
    }
    if (isField(target)) return
    const chart = chartOf(target)
    if (chart && keyInChart(chart, event)) {
      event.preventDefault()
      return
    }
    if (key === "?") {
      help()
      return
    }
    const place = KEYS.has(key) && !event.shiftKey && !kept?.getItem("no-keys") && all(`[aria-keyshortcuts="${key}"]`).pop()
    if (!place) return
    event.preventDefault()
    if (place.localName === "summary") {
      place.parentNode.open = true
      all("input:not([type=hidden]), select", place.parentNode)[0]?.focus()
    } else if (isField(place)) place.focus()
    else place.click()
  })

  // ----- what waits for something that will happen on the server

  const refresh = async () => {
    const old = document.querySelector("[data-refresh][id]")
    if (!old) return
    if (!document.hidden && !loading) {
      try {
        const text = await (await fetched(location.href)).text()
        const fresh = new DOMParser().parseFromString(text, "text/html").getElementById(old.id)
        if (fresh && old.isConnected) old.replaceWith(document.adoptNode(fresh))
      } catch {
        // It is tried again.
      }
    }
    setTimeout(refresh, 1000 * old.dataset.refresh)
  }

  // Where no key does anything nobody is told of keys.
  if (all("[aria-keyshortcuts]").length) {
    make(make(document.body, "footer", "", "foot"), "button", "Keys", "quiet").onclick = help
  }
  prepare()
  tell()
  refresh()
}
