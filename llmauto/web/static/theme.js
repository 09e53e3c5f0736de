// Before anything is drawn: the colours that were chosen here.
"use strict";
{
  const chosen = localStorage.getItem("llmauto-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
