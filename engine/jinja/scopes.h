/* scopes.h - which slot each name of a template means, decided when it is compiled, as Jinja2 does.
 *
 * A scope is a body whose assignments stay inside: of the template, a loop, a macro, a call block,
 * a block that is captured, `with`. A branch of `if` is none. A name that is assigned anywhere in a
 * scope is that scope's own in all of it: it begins as the outer one's value, or as no value, even
 * if a variable of the caller has the name. Other names are the outer scope's, or the caller's.
 */
#ifndef PHIBENCH_ENGINE_JINJA_SCOPES_H
#define PHIBENCH_ENGINE_JINJA_SCOPES_H

#include "engine/jinja/syntax.h"

/* Fills addresses and scopes of the tree; *scope is the template's own. */
bool jinja_resolve(struct jinja_run *run, struct jinja_node *body, struct jinja_scope *scope);

#endif
