"use strict";

// Paths of a server, whose names may have any character.
function encodePath(path) {
  return path.split("/").map(encodeURIComponent).join("/");
}

// The token that lets a page change something, which its cookie holds.
function xsrfToken(page) {
  const found = page.cookie.split("; ").find((one) => one.startsWith("_xsrf="));
  return found ? found.slice("_xsrf=".length) : "";
}

// A page or an answer of the visitor's own server. In this mode JupyterHub takes its cookie for
// what is only read, and lets the server log the visitor in.
function read(url) {
  return fetch(url, {mode: "no-cors", credentials: "same-origin", cache: "no-store"});
}

// The same of the API, which does not log in: that is done by a page.
async function readApi(server, path) {
  const answer = await read(server + "api/" + path);
  if (answer.status !== 403) { return answer; }
  await read(server + "lab");
  return read(server + "api/" + path);
}

function say(text) {
  document.getElementById("status").textContent = text;
}

async function messageOf(answer) {
  try {
    return (await answer.json()).message || answer.statusText;
  } catch (error) {
    return answer.statusText || String(answer.status);
  }
}
