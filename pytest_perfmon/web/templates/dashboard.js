"use strict";

// The page is complete without this; here it only fetches itself again and shows what came.
const EVERY_MS = 5000;

function isBeingRead() {
  const selection = getSelection();
  return document.hidden || (selection !== null && !selection.isCollapsed);
}

async function fetchPage() {
  const place = location.origin + location.pathname + location.search;
  const answer = await fetch(place, { cache: "no-store", credentials: "same-origin" });
  if (!answer.ok) {
    throw new Error(String(answer.status));
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (page.querySelector("main") === null) {
    throw new Error("another page came");
  }
  return page;
}

async function refresh() {
  if (!isBeingRead()) {
    try {
      const page = await fetchPage();
      document.querySelector("main").replaceWith(page.querySelector("main"));
      document.title = page.title;
    } catch {
      document.querySelector("#link").textContent = "· no answer, trying again";
    }
  }
  setTimeout(refresh, EVERY_MS);
}

setTimeout(refresh, EVERY_MS);
