// Package status works out what the controllers found and is the only writer of status: the
// conditions and their summary after kstatus, the events, and when to reconcile again.
//
// A controller's phases end in a Finding, which is an Outcome of the controller's table and the
// words for this object. Nothing else decides what a person or a tool gets to see.
package status
